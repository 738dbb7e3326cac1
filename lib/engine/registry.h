// The engines of a process by what they run: one engine a key, for as long as somebody holds it.
#pragma once

#include <compare>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "lib/engine/engine.h"
#include "lib/model/model.h"
#include "lib/result.h"

namespace clipembed {

// What makes two engines the same. The model is known by its folder, so an engine that was opened by a hub id and then
// by the path of its snapshot is one, and keeps the label it was opened with first.
struct EngineKey {
  std::string directory;  // canonical
  std::string revision;
  std::string device;
  Precision precision = Precision::kAuto;
  int threads = 1;
  std::string server{};  // an engine in another process: its address, and `directory` is what it was asked for

  auto operator<=>(const EngineKey&) const = default;
};

EngineKey engine_key(const ModelLocation& location, const TowerOptions& options);

// Thread-safe; the lock is never held while an engine is opened or closed.
class EngineRegistry {
 public:
  using Load = std::function<Result<std::shared_ptr<Engine>>()>;

  // The engine of this key. The first caller runs `load` while others wait for its outcome; nothing is kept of a
  // failure. An engine that turns out to be the same as one that is open, because "auto" became its device or
  // precision, is closed again in favour of that one.
  Result<std::shared_ptr<Engine>> get(const EngineKey& key, const Load& load);

 private:
  using Outcome = Result<std::shared_ptr<Engine>>;
  struct Slot {
    std::weak_ptr<Engine> engine;
    std::optional<std::shared_future<Outcome>> loading;
  };

  std::shared_ptr<Engine> settle(const EngineKey& key, const std::shared_ptr<Engine>& engine);

  std::mutex mutex_;
  std::map<EngineKey, Slot> slots_;
};

}  // namespace clipembed
