// The place of one decode worker in the pool: starts it, gives it jobs, watches its time and what it says, and starts
// another one in its place when it has ended. Main loop thread only.
//
//   down -> starting -> locked (the sandbox is closed) -> idle <-> busy
//     ^-------------------------- the process ends ------------------'
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tools/clipembedd/fair_queue.h"
#include "tools/clipembedd/timer.h"
#include "tools/clipembedd/worker_pool.h"
#include "tools/clipembedd/worker_process.h"

namespace clipembed {

class WorkerSlot {
 public:
  enum class State { kDown, kStarting, kLocked, kIdle, kBusy };

  // What the slots of a pool share.
  struct Shared {
    PoolOptions options;
    PoolStatus counters = {};       // restarts, crashes, timeouts, misbehaved and trouble
    std::function<void()> changed;  // a slot has become idle, ready, or down
    bool warned = false;            // of what the system lacks
  };

  WorkerSlot(Shared& shared, JobLane lane) : shared_(shared), lane_(lane) {}

  JobLane lane() const { return lane_; }
  State state() const { return state_; }
  bool started() const { return started_; }
  bool has(WorkerPool::Ticket ticket) const { return running_ && running_->ticket == ticket; }

  void start();
  // Gives the job back when this worker cannot take it: another one can. Precondition: idle.
  std::optional<Job> give(WorkerPool::Ticket ticket, Job job);
  // Its callbacks are not called any more. Precondition: has(ticket).
  void cancel();
  // Ends the job with kCancelled. Precondition: busy.
  void give_up();

 private:
  struct Running {
    WorkerPool::Ticket ticket;
    Job job;
    std::chrono::steady_clock::time_point since;
    std::vector<ChosenFrame> frames = {};
    std::uint64_t progress_records = 0;
    std::optional<Error> doom = {};  // why the worker is being killed
    bool cancelled = false;
  };

  void take(const LockedRecord& locked);
  void take(const ReadyRecord&);
  void take(const UnusableRecord& unusable);
  void take(const ProgressRecord& progress);
  void take(FrameRecord frame);
  void take(DoneRecord done);
  void take(const FailedRecord& failed);
  bool expected(std::uint64_t job);
  Status check(const DoneRecord& done) const;
  void misbehaved(const std::string& what);
  void out_of_time();
  void finish(Result<MediaEmbedding> result);
  void ended(const std::string& how);
  void failed_to_start(const std::string& why);
  void restart();
  void enter(State state);

  Shared& shared_;
  const JobLane lane_;
  State state_ = State::kDown;
  bool started_ = false;
  int failed_starts_ = 0;     // in a row
  std::string why_unusable_;  // what the worker said of its failed start
  std::unique_ptr<WorkerProcess> process_;
  std::optional<Running> running_;
  Timer time_is_up_;  // of the start, the job, or a cancel
  Timer restart_;
};

}  // namespace clipembed
