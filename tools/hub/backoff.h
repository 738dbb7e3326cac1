// When to try a request again: exponential delays with jitter, bounded, interrupted by a GCancellable.
#pragma once

#include <chrono>
#include <optional>

#include "lib/result.h"
#include "tools/hub/fetch.h"

namespace clipembed {

// Blocks the calling thread. Error: kCancelled.
Status pause(std::chrono::milliseconds duration, GCancellable* cancellable);

// One for each request; not thread-safe.
class Backoff {
 public:
  explicit Backoff(const FetchOptions& options) : options_(options) {}

  // After a failed try: waits and returns ok when another one is due, else the error to give up with, which is
  // `failure` itself unless it is kNetwork and tries are left.
  Status wait(const Error& failure);

  // The server said how long (Retry-After), for the next wait().
  void ask(std::chrono::seconds delay) { asked_ = delay; }

  // The last try got somewhere, so the next failure is a first one.
  void reset() { failures_ = 0; }

 private:
  std::chrono::milliseconds next_delay() const;

  const FetchOptions& options_;
  int failures_ = 0;
  std::optional<std::chrono::seconds> asked_;
};

}  // namespace clipembed
