// The daemon's engine: the model is loaded in a thread of its own while the daemon listens already, and offered to the
// decode workers and, if asked to, at a public socket. A model that cannot be loaded is tried again every few seconds,
// so that one that is fetched meanwhile is found.
//
// Everything here belongs to the thread that runs the default main context, which calls back too, but for `observe`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lib/engine/engine.h"
#include "lib/result.h"
#include "tools/hub/file_descriptor.h"

namespace clipembed {

struct EngineHostOptions {
  EngineOptions engine;     // with a `server`: that one is used, and nothing is loaded here
  std::string socket = {};  // "unix:PATH" where other processes may use the engine; empty: nowhere
  std::chrono::milliseconds try_again = std::chrono::seconds(5);
  // Every embedding that left the engine, with its batch, queueing and inference; on the engine's thread, and short.
  std::function<void(const Embedding&)> observe = {};
};

class EngineHost {
 public:
  explicit EngineHost(EngineHostOptions options);
  // Answers what is in flight, and closes the engine.
  ~EngineHost();
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  // One end of a connection to the engine, also before it is loaded: it is served from then on.
  // Errors: kBusy where no descriptor is left.
  Result<FileDescriptor> connect();

  enum class State { kLoading, kLoaded, kFailed };
  State state() const;
  std::optional<EngineInfo> info() const;  // once loaded
  std::string trouble() const;             // why the last attempt failed; the next one follows
  void set_state_changed(std::function<void()> changed);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace clipembed
