#include "tools/clipembedd/worker_slot.h"

#include <algorithm>
#include <sstream>
#include <utility>
#include <variant>

namespace clipembed {
namespace {

using Kind = Error::Kind;
using Clock = std::chrono::steady_clock;

constexpr auto kStartWithin = std::chrono::seconds(60);  // the first start after an upgrade scans all plugins
constexpr auto kCancelWithin = std::chrono::seconds(1);
constexpr auto kFirstPause = std::chrono::milliseconds(100);
constexpr auto kLongestPause = std::chrono::seconds(10);

// A worker sends 5 a second.
constexpr std::uint64_t kProgressAllowance = 100;
constexpr std::uint64_t kProgressASecond = 50;
constexpr std::uint64_t kMostFrames = 100'000;

std::string seconds(std::chrono::nanoseconds time) {
  std::ostringstream text;
  text << std::chrono::duration<double>(time).count();
  return text.str();
}

}  // namespace

void WorkerSlot::enter(State state) {
  state_ = state;
  shared_.changed();
}

// ---- start and end ----

void WorkerSlot::start() {
  if (std::exchange(started_, true)) ++shared_.counters.restarts;
  process_.reset();
  why_unusable_.clear();
  Result<FileDescriptor> engine = shared_.options.connect_engine();
  if (!engine) return failed_to_start(engine.error().message);
  Result<std::unique_ptr<WorkerProcess>> process = WorkerProcess::start(
      shared_.options.program, *std::move(engine),
      lane_ == JobLane::kVideo ? WorkerProcess::Priority::kBackground : WorkerProcess::Priority::kNormal,
      {.record = [this](FromWorker record) { std::visit([this](auto& what) { take(std::move(what)); }, record); },
       .ended = [this](const std::string& how) { ended(how); },
       .misbehaved = [this](const std::string& what) { misbehaved(what); }});
  if (!process) return failed_to_start(process.error().message);
  process_ = *std::move(process);
  const StartRecord how{.sandbox = shared_.options.sandbox,
                        .memory = shared_.options.memory,
                        .devices = shared_.options.devices,
                        .pipelines = shared_.options.pipelines};
  static_cast<void>(process_->send(how));  // a worker that has gone already is noticed by its end
  time_is_up_.start(kStartWithin, [this] { out_of_time(); });
  enter(State::kStarting);
}

void WorkerSlot::failed_to_start(const std::string& why) {
  ++failed_starts_;
  shared_.counters.trouble = why;
  restart();
}

void WorkerSlot::restart() {
  time_is_up_.stop();
  const auto pause =
      failed_starts_ == 0 ? std::chrono::milliseconds(0) : kFirstPause * (1 << std::min(failed_starts_ - 1, 10));
  restart_.start(std::min<std::chrono::nanoseconds>(pause, kLongestPause), [this] { start(); });
  enter(State::kDown);
}

void WorkerSlot::ended(const std::string& how) {
  if (state_ == State::kStarting || state_ == State::kLocked)
    return failed_to_start(why_unusable_.empty() ? "a decode worker ended at its start: " + how : why_unusable_);
  failed_starts_ = 0;
  if (running_) {
    if (running_->doom) {
      finish(*running_->doom);
    } else {
      if (!running_->cancelled) ++shared_.counters.crashes;
      finish(Error{Kind::kFailed, running_->job.name + ": its decoder crashed (" + how +
                                      "): the file is damaged, or takes more memory than a worker may use"});
    }
  }
  restart();
}

void WorkerSlot::out_of_time() {
  if (running_ && !running_->doom && !running_->cancelled) {
    ++shared_.counters.timeouts;
    running_->doom = Error{Kind::kTimedOut,
                           running_->job.name + ": it was not done within " + seconds(running_->job.deadline) + " s"};
  }
  if (state_ == State::kStarting) why_unusable_ = "a decode worker took longer than 60 s to start";
  process_->kill();
}

void WorkerSlot::misbehaved(const std::string& what) {
  ++shared_.counters.misbehaved;
  g_warning("a decode worker was ended: it sent %s", what.c_str());
  if (running_) running_->doom = Error{Kind::kFailed, running_->job.name + ": its decoder was taken over or is broken"};
  process_->kill();
}

// ---- jobs ----

std::optional<Job> WorkerSlot::give(WorkerPool::Ticket ticket, Job job) {
  const JobRecord record{.id = ticket,
                         .name = job.name,
                         .options = job.options,
                         .normalize = job.normalize,
                         .augment = job.augment,
                         .want_frames = job.want_frames};
  if (!process_->send(record, job.file.get())) {
    process_->kill();
    state_ = State::kDown;  // as good as
    return job;
  }
  time_is_up_.start(job.deadline, [this] { out_of_time(); });
  running_ = Running{.ticket = ticket, .job = std::move(job), .since = Clock::now()};
  running_->job.file = FileDescriptor(-1);
  state_ = State::kBusy;
  return std::nullopt;
}

void WorkerSlot::cancel() {
  running_->cancelled = true;
  static_cast<void>(process_->send(CancelRecord{running_->ticket}));
  time_is_up_.start(kCancelWithin, [this] { out_of_time(); });
}

void WorkerSlot::give_up() {
  if (!running_->doom)
    running_->doom = Error{Kind::kCancelled, running_->job.name + ": the service ended before it was done"};
  process_->kill();
}

void WorkerSlot::finish(Result<MediaEmbedding> result) {
  time_is_up_.stop();
  Running finished = *std::exchange(running_, std::nullopt);
  if (!finished.cancelled) finished.job.done(std::move(result));
}

// ---- what the worker says ----

void WorkerSlot::take(const LockedRecord& locked) {
  if (state_ != State::kStarting) return misbehaved("that it is locked in again");
  time_is_up_.stop();  // the engine may still be loading
  if (!std::exchange(shared_.warned, true)) {
    for (const std::string& warning : locked.warnings) g_warning("%s", warning.c_str());
  }
  enter(State::kLocked);
}

void WorkerSlot::take(const ReadyRecord&) {
  if (state_ != State::kLocked) return misbehaved("that it is ready when it is not locked in");
  failed_starts_ = 0;
  shared_.counters.trouble.clear();
  enter(State::kIdle);
}

void WorkerSlot::take(const UnusableRecord& unusable) {
  if (state_ != State::kStarting && state_ != State::kLocked) return misbehaved("a failed start after its start");
  why_unusable_ = "a decode worker does not start: " + unusable.why;
}

bool WorkerSlot::expected(std::uint64_t job) {
  if (state_ == State::kBusy && has(job)) return !running_->doom;
  misbehaved("an answer that nobody waits for");
  return false;
}

void WorkerSlot::take(const ProgressRecord& progress) {
  if (!expected(progress.job)) return;
  const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - running_->since).count();
  if (++running_->progress_records > kProgressAllowance + kProgressASecond * static_cast<std::uint64_t>(elapsed))
    return misbehaved("a flood of progress");
  if (running_->job.progress && !running_->cancelled) running_->job.progress(progress.progress);
}

void WorkerSlot::take(FrameRecord frame) {
  if (!expected(frame.job)) return;
  const std::uint64_t limit = running_->job.options.max_frames;
  if (running_->frames.size() >= (limit > 0 ? std::min(limit, kMostFrames) : kMostFrames))
    return misbehaved("more frames than it may");
  running_->frames.push_back(std::move(frame.frame));
}

Status WorkerSlot::check(const DoneRecord& done) const {
  const std::size_t dim = running_->job.want_frames ? done.embedding.vector.size() : 0;
  for (const ChosenFrame& frame : running_->frames) {
    if (frame.embedding.size() != dim) return Error{Kind::kFormat, "vectors of different lengths"};
  }
  return ok();
}

void WorkerSlot::take(DoneRecord done) {
  if (!expected(done.job)) return;
  if (Status sound = check(done); !sound) return misbehaved(sound.error().message);
  done.embedding.frames = std::move(running_->frames);
  finish(std::move(done.embedding));
  enter(State::kIdle);
}

void WorkerSlot::take(const FailedRecord& failed) {
  if (!expected(failed.job)) return;
  finish(failed.error);
  enter(State::kIdle);
}

}  // namespace clipembed
