// By when a decoder must show a sign of life. The thread that decodes feeds it; the main thread looks and gives the
// file up. Lock-free, any thread.
#pragma once

#include <atomic>
#include <chrono>

namespace clipembed {

class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Deadline(std::chrono::nanoseconds patience) : patience_(patience) {}

  // Starts, or starts over.
  void feed() { expires_ = (Clock::now() + patience_).time_since_epoch().count(); }
  // While the file waits for others: for room, or for the engine.
  void suspend() { expires_ = kNever; }

  bool expired() const { return Clock::now().time_since_epoch().count() > expires_; }

  // The file has been given up: whoever still works on it stops as soon as it can.
  void abandon() { abandoned_ = true; }
  bool abandoned() const { return abandoned_; }

 private:
  static constexpr Clock::rep kNever = Clock::duration::max().count();

  const std::chrono::nanoseconds patience_;
  std::atomic<Clock::rep> expires_ = kNever;
  std::atomic<bool> abandoned_ = false;
};

}  // namespace clipembed
