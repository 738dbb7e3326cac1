// The answers of /health, /health/live and /health/ready. No I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/clipembedd/http/media_service.h"
#include "tools/clipembedd/http/reply.h"

namespace clipembed {

struct HealthFacts {
  bool draining = false;
  bool gpu_available = false;
  std::chrono::duration<double> uptime{};
  std::uint64_t processed_files = 0;
  std::size_t active_requests = 0;
};

// ok, loading, draining, failed
std::string health_status(const HealthFacts& facts, const ServiceStatus& service);

// 200 where the status is ok, else 503; but /health/live, which is 200. `path` is one of the three.
Reply health_reply(const std::string& path, const HealthFacts& facts, const ServiceStatus& service);

}  // namespace clipembed
