// Watches over a job that may take long, on a thread of its own: gives it up when the daemon no longer wants it, or
// when it has stopped; ends the process when the daemon has gone. While there is one, nobody else reads the control
// socket.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "tools/clipembedd/worker/stall_watch.h"
#include "tools/media/deadline.h"

namespace clipembed {

class JobWatch {
 public:
  // Abandons the deadline, which outlives this.
  JobWatch(int control, std::uint64_t job, Deadline& deadline);
  ~JobWatch();

  void see(const MediaProgress& progress) { position_ = progress.position.count(); }
  bool stalled() const { return stalled_; }

 private:
  void watch();
  void see_cancel();

  const int control_;
  const std::uint64_t job_;
  Deadline& deadline_;
  StallWatch stall_;
  std::atomic<std::int64_t> position_ = 0;
  std::atomic<bool> stalled_ = false;

  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace clipembed
