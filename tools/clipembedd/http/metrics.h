// What the daemon counts and measures, and how /metrics shows it. Main-loop thread, but for picture_embedded().
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "lib/engine/engine.h"
#include "tools/clipembedd/http/media_service.h"
#include "tools/clipembedd/http/prometheus_text.h"

namespace clipembed {

// What is true at the moment.
struct ServerGauges {
  std::size_t connections = 0;
  std::size_t requests = 0;  // POST /embed under way
  std::chrono::duration<double> uptime{};
};

class Metrics {
 public:
  using Duration = std::chrono::nanoseconds;

  Metrics();

  // `path` is one of the routes, or "other"; `status` what was answered, 499 where the client had gone.
  void request_done(std::string_view path, int status, Duration duration, std::uint64_t bytes);
  void rejected(const std::string& reason) { ++rejected_[reason]; }
  // `duration` from when it was handed in.
  void file_done(const Result<MediaEmbedding>& result, Duration duration);
  // Any thread.
  void picture_embedded(const Embedding& embedding);

  std::uint64_t files_embedded() const { return embedded_; }

  std::string text(const ServerGauges& gauges, const ServiceStatus& service) const;

 private:
  void add_requests(PrometheusText& out) const;
  void add_files(PrometheusText& out) const;
  void add_engine(PrometheusText& out) const;

  std::map<std::pair<std::string, int>, std::uint64_t> requests_;  // by path and status
  std::map<std::string, Histogram, std::less<>> request_seconds_;  // by path
  std::uint64_t request_bytes_ = 0;
  std::map<std::string, std::uint64_t> rejected_;  // by reason
  std::uint64_t embedded_ = 0;
  std::map<std::string, std::uint64_t> failed_;  // by reason
  Histogram file_seconds_, queue_seconds_, decode_seconds_, preprocess_seconds_;

  mutable std::mutex engine_mutex_;  // guards what follows
  std::uint64_t images_ = 0;
  Histogram engine_queue_seconds_, inference_seconds_, batch_size_;
};

}  // namespace clipembed
