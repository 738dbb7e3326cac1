#include "tools/clipembedd/http/health.h"

#include <algorithm>

namespace clipembed {

std::string health_status(const HealthFacts& facts, const ServiceStatus& service) {
  return facts.draining ? "draining" : to_string(service.state);
}

const char* to_string(ServiceStatus::State state) {
  switch (state) {
    case ServiceStatus::State::kLoading:
      return "loading";
    case ServiceStatus::State::kReady:
      return "ok";
    case ServiceStatus::State::kFailed:
      return "failed";
  }
  return "failed";
}

Reply health_reply(const std::string& path, const HealthFacts& facts, const ServiceStatus& service) {
  JsonWriter object;
  Reply reply;
  reply.headers.emplace_back("Cache-Control", "no-store");
  if (path == "/health/live") {
    object.add("status", "ok");
    reply.body = object.text();
    return reply;
  }
  const std::string status = health_status(facts, service);
  reply.status = status == "ok" ? 200 : 503;
  object.add("status", status);
  if (path == "/health") {
    if (!service.trouble.empty()) object.add("detail", service.trouble);
    object.add("uptime_seconds", facts.uptime.count());
    object.add("processed_files", facts.processed_files);
    object.add("gpu_available", facts.gpu_available);
    object.add("model_loaded", !service.device.empty());
    object.add("model_name", service.model);
    object.add("device", service.device);
    object.add("version", CLIPEMBED_VERSION);
    object.add("queue_depth", std::uint64_t{service.pool.queued});
    object.add("active_requests", std::uint64_t{facts.active_requests});
    object.add("workers", static_cast<std::uint64_t>(std::max(0, service.pool.idle + service.pool.busy)));
  }
  reply.body = object.text();
  return reply;
}

}  // namespace clipembed
