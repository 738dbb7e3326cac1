// What all requests share. Main-loop thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "tools/clipembedd/configuration.h"
#include "tools/clipembedd/http/access_log.h"
#include "tools/clipembedd/http/api_keys.h"
#include "tools/clipembedd/http/health.h"
#include "tools/clipembedd/http/media_root.h"
#include "tools/clipembedd/http/media_service.h"
#include "tools/clipembedd/http/metrics.h"
#include "tools/clipembedd/http/nvml.h"
#include "tools/clipembedd/http/upload.h"

namespace clipembed {

struct ServerState {
  using Clock = std::chrono::steady_clock;

  const Configuration& configuration;
  MediaService& service;
  Metrics& metrics;
  AccessLog& log;

  std::unique_ptr<Nvml> nvml = Nvml::open();
  ApiKeys keys = {};
  std::optional<MediaRoot> media_root = {};

  Clock::time_point started = Clock::now();
  std::size_t connections = 0;      // open
  std::size_t active_requests = 0;  // POST /embed under way
  std::size_t requests = 0;         // ever
  bool draining = false;

  HealthFacts health_facts() const;
  ServerGauges gauges() const;
  UploadLimits upload_limits() const;
  MediaOptions media_limits() const;
};

}  // namespace clipembed
