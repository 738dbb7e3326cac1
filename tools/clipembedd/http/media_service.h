// What the HTTP side asks of the rest of the daemon: that files be embedded, and how it is. Main-loop thread; callbacks
// come from the main loop, never from inside submit() or cancel(). Tests have one of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "tools/clipembedd/worker_pool.h"

namespace clipembed {

struct ServiceStatus {
  enum class State { kLoading, kReady, kFailed };
  State state = State::kLoading;
  std::string trouble;  // with kFailed, and while it loads after a failure
  std::string model;    // as embeddings are labelled
  std::string device;   // once loaded
  std::string precision;
  PoolStatus pool;

  std::string model_label() const { return device.empty() ? model : model + " - " + device; }
};

class MediaService {
 public:
  using Ticket = WorkerPool::Ticket;

  virtual ~MediaService() = default;
  // Errors: those of WorkerPool::submit().
  virtual Result<Ticket> submit(Job job) = 0;
  virtual void cancel(Ticket ticket) = 0;
  virtual ServiceStatus status() const = 0;
  // Jobs that are still under way are completed with kCancelled.
  virtual void cancel_all() = 0;
};

const char* to_string(ServiceStatus::State state);  // loading, ok, failed

}  // namespace clipembed
