// An engine whose answers the test gives: links in place of lib/engine, so that a test decides when a frame's embedding
// is there, and can make loading or inference fail. No model, no LibTorch, no waiting for time to pass.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "lib/engine/engine.h"

namespace clipembed::test {

inline constexpr int kDim = 4;

class Script {
 public:
  static Script& instance();
  static void reset();  // before each test

  // What the next load fails with.
  std::optional<Error> load_error;
  // What each submission is refused with.
  std::optional<Error> refusal;
  // Answers each picture when it is submitted.
  bool immediate = false;
  // What answers say of their batch.
  std::chrono::nanoseconds inference{};
  int batch = 1;

  // Waits until `count` pictures want an answer.
  void wait_for_pending(std::size_t count);
  std::size_t pending();
  // Waits until the element has asked not to wait for full batches any more.
  void wait_for_flush();

  // Answers the oldest picture. The vector of the n-th one submitted (from 0) is 2 in place n % kDim, else 0.
  void answer();
  void answer_with(Error error);

  // The engine goes, or comes back.
  void change_availability(const Status& status) { session_options.availability_changed(status); }

  // What the element asked for.
  EngineOptions engine_options;
  SessionOptions session_options;

  // For the session.
  Status submit(Session::Completion done);
  void cancel();
  void resume();
  void flush();

 private:
  struct Pending {
    std::size_t number;
    Session::Completion done;
  };
  Pending take();
  Result<Embedding> embedding(std::size_t number) const;

  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<Pending> pending_;
  std::size_t submitted_ = 0;
  bool cancelled_ = false;
  bool flushed_ = false;
};

}  // namespace clipembed::test
