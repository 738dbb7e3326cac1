#include "tools/clipembedd/http/server_state.h"

namespace clipembed {

HealthFacts ServerState::health_facts() const {
  return {.draining = draining,
          .gpu_available = nvml != nullptr,
          .uptime = Clock::now() - started,
          .processed_files = metrics.files_embedded(),
          .active_requests = active_requests};
}

ServerGauges ServerState::gauges() const {
  return {.connections = connections, .requests = active_requests, .uptime = Clock::now() - started};
}

UploadLimits ServerState::upload_limits() const {
  return {.spool = {.directory = configuration.spool_dir,
                    .memory = configuration.spool_memory,
                    .largest = configuration.max_body},
          .files = static_cast<std::size_t>(configuration.max_files)};
}

MediaOptions ServerState::media_limits() const {
  MediaOptions limits;
  limits.max_pixels = configuration.max_pixels;
  limits.max_duration = std::chrono::duration_cast<std::chrono::nanoseconds>(configuration.max_duration);
  return limits;
}

}  // namespace clipembed
