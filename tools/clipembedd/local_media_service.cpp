#include "tools/clipembedd/local_media_service.h"

#include <glib.h>

#include <utility>

namespace clipembed {
namespace {

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  g_auto(GStrv) split = g_strsplit(list.c_str(), ",", -1);
  for (char** part = split; *part; ++part)
    if (*g_strstrip(*part) != '\0') parts.emplace_back(*part);
  return parts;
}

PoolOptions pool_options(const Configuration& configuration) {
  PoolOptions options;
  options.workers = configuration.workers;
  options.video_workers = configuration.video_workers;
  options.queue = static_cast<std::size_t>(configuration.queue);
  options.memory = configuration.worker_memory;
  options.sandbox = configuration.sandbox;
  options.devices = split(configuration.worker_devices);
  options.pipelines = configuration.pipelines;
  return options;
}

}  // namespace

Result<std::unique_ptr<LocalMediaService>> LocalMediaService::open(const Configuration& configuration, Metrics& metrics,
                                                                   std::function<void()> changed) {
  const Result<Precision> precision = parse_precision(configuration.precision);
  if (!precision) return precision.error();
  EngineHostOptions engine{
      .engine = {.model = configuration.model,
                 .tower = {.device = configuration.device, .precision = *precision, .threads = configuration.threads}},
      .socket = configuration.engine_socket,
      .observe = [&metrics](const Embedding& embedding) { metrics.picture_embedded(embedding); }};
  return std::unique_ptr<LocalMediaService>(
      new LocalMediaService(std::move(engine), pool_options(configuration), configuration.model, std::move(changed)));
}

LocalMediaService::LocalMediaService(EngineHostOptions engine, PoolOptions pool, std::string model,
                                     std::function<void()> changed)
    : model_(std::move(model)), engine_(std::move(engine)), pool_([&] {
        pool.connect_engine = [this] { return engine_.connect(); };
        return std::move(pool);
      }()) {
  engine_.set_state_changed(changed);
  pool_.set_status_changed(std::move(changed));
}

ServiceStatus LocalMediaService::status() const {
  ServiceStatus status{.state = ServiceStatus::State::kLoading,
                       .trouble = {},
                       .model = model_,
                       .device = {},
                       .precision = {},
                       .pool = pool_.status()};
  if (const std::optional<EngineInfo> info = engine_.info()) {
    status.model = info->model;
    status.device = info->device;
    status.precision = to_string(info->precision);
  }
  const EngineHost::State engine = engine_.state();
  status.trouble = engine == EngineHost::State::kFailed ? engine_.trouble() : status.pool.trouble;
  if (engine == EngineHost::State::kLoaded && status.pool.ready) {
    status.state = ServiceStatus::State::kReady;
  } else if (!status.trouble.empty()) {
    status.state = ServiceStatus::State::kFailed;
  }
  return status;
}

void LocalMediaService::cancel_all() {
  if (!std::exchange(cancelled_, true)) pool_.drain({}, [] {});
}

}  // namespace clipembed
