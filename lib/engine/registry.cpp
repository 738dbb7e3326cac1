#include "lib/engine/registry.h"

#include <exception>
#include <filesystem>
#include <system_error>
#include <utility>

#include "lib/engine/local_engine.h"
#include "lib/engine/remote/remote_engine.h"
#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/cpu_quota.h"

namespace clipembed {
namespace {

using Outcome = Result<std::shared_ptr<Engine>>;

Outcome load_without_throwing(const EngineRegistry::Load& load) {
  try {
    return load();
  } catch (const std::exception& thrown) {
    return Error{Error::Kind::kFailed, std::string("the model could not be loaded: ") + thrown.what()};
  }
}

Outcome load_engine(const ModelLocation& location, const TowerOptions& options) {
  auto config = read_config(location.directory);
  if (!config) return std::move(config).error();
  auto checkpoint = Checkpoint::open(location.directory);
  if (!checkpoint) return std::move(checkpoint).error();
  if (Status complete = checkpoint->check(*config); !complete) return std::move(complete).error();

  EngineInfo info{.model = location.id,
                  .revision = location.revision,
                  .device = {},
                  .dim = config->projection_dim,
                  .input = config->input};
  return open_local_engine(std::move(info), [config = *std::move(config), checkpoint = *std::move(checkpoint),
                                             options] { return open_vision_tower(config, checkpoint, options); });
}

}  // namespace

EngineKey engine_key(const ModelLocation& location, const TowerOptions& options) {
  std::error_code unreadable;
  const auto canonical = std::filesystem::canonical(location.directory, unreadable);
  return {.directory = (unreadable ? location.directory : canonical).string(),
          .revision = location.revision,
          .device = options.device,
          .precision = options.precision,
          .threads = options.threads > 0 ? options.threads : usable_cpus()};
}

Outcome EngineRegistry::get(const EngineKey& key, const Load& load) {
  std::promise<Outcome> promise;
  {
    std::unique_lock lock(mutex_);
    std::erase_if(slots_, [](const auto& slot) { return slot.second.engine.expired() && !slot.second.loading; });
    Slot& slot = slots_[key];
    if (auto open = slot.engine.lock()) return open;
    if (slot.loading) {
      const auto loading = *slot.loading;
      lock.unlock();
      return loading.get();
    }
    slot.loading = promise.get_future().share();
  }
  Outcome loaded = load_without_throwing(load);
  const Outcome outcome = loaded ? Outcome(settle(key, *loaded)) : loaded;
  {
    const std::lock_guard lock(mutex_);
    slots_[key].loading.reset();
  }
  promise.set_value(outcome);
  return outcome;
}

// Notes the engine under the key that was asked for and under what it turned out to be, unless there is one already.
std::shared_ptr<Engine> EngineRegistry::settle(const EngineKey& key, const std::shared_ptr<Engine>& engine) {
  EngineKey resolved = key;
  resolved.device = engine->info().device;
  resolved.precision = engine->info().precision;
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Engine> chosen = slots_[resolved].engine.lock();
  if (!chosen) chosen = engine;
  slots_[resolved].engine = slots_[key].engine = chosen;
  return chosen;
}

Outcome shared_engine(const EngineOptions& options) {
  static EngineRegistry& registry = *new EngineRegistry;  // never destroyed: engines may be opened until the very end
  if (!options.server.empty()) {
    const std::string model = options.model.empty() ? "" : remote::name_of_model(options.model);
    const EngineKey key{.directory = model, .revision = {}, .device = {}, .server = options.server};
    return registry.get(key, [&] { return remote::open_remote_engine(options.server, model); });
  }
  const auto location = find_model(options.model);
  if (!location) return location.error();
  const EngineKey key = engine_key(*location, options.tower);
  TowerOptions tower = options.tower;
  tower.threads = key.threads;
  return registry.get(key, [&] { return load_engine(*location, tower); });
}

}  // namespace clipembed
