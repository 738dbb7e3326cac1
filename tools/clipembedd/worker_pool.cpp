#include "tools/clipembedd/worker_pool.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "lib/model/cpu_quota.h"
#include "tools/clipembedd/fair_queue.h"
#include "tools/clipembedd/timer.h"
#include "tools/clipembedd/worker_slot.h"
#include "tools/media/media_file.h"

namespace clipembed {
namespace {

using Kind = Error::Kind;
using State = WorkerSlot::State;

constexpr int kMostWorkers = 64;
constexpr std::uint64_t kLargePicture = std::uint64_t{32} << 20;  // decoding it takes a second or more

int default_video_workers() { return std::clamp(usable_cpus() + 1, 2, 8); }

// WebP's VP8X header says whether there is an animation. Source: RFC 9649, section 2.7.1.
bool is_animated_webp(const MediaFile& file) {
  char head[21] = {};
  return file.read_at(head, 0) == sizeof head && std::equal(head + 12, head + 16, "VP8X") && (head[20] & 0x02) != 0;
}

// By what it costs, as far as the first bytes tell. What cannot be looked at gets its error from a worker.
JobLane lane_of(const FileDescriptor& descriptor) {
  const int copy = dup(descriptor.get());
  if (copy < 0) return JobLane::kVideo;
  const Result<MediaFile> file = MediaFile::adopt(copy, "");
  if (!file) return JobLane::kPicture;
  const MediaType type = file->type();
  if (type == MediaType::kStream || type == MediaType::kGif || file->size() > kLargePicture) return JobLane::kVideo;
  return type == MediaType::kWebp && is_animated_webp(*file) ? JobLane::kVideo : JobLane::kPicture;
}

}  // namespace

// A batch of the CPU's tower takes eight pictures, and a worker waits for the answer to the one it has: with twice as
// many the next batch is there when one is done.
int default_workers() { return std::clamp(8 * usable_cpus(), 8, 16); }

class WorkerPool::Impl {
 public:
  explicit Impl(PoolOptions options) {
    if (options.program.empty()) options.program = default_worker_program();
    const int pictures = std::clamp(options.workers > 0 ? options.workers : default_workers(), 1, kMostWorkers);
    const int videos =
        std::clamp(options.video_workers > 0 ? options.video_workers : default_video_workers(), 1, kMostWorkers);
    queue_ = std::make_unique<FairQueue<Waiting>>(options.queue);
    shared_.options = std::move(options);
    shared_.changed = [this] { pump_.start(std::chrono::nanoseconds(0), [this] { pump(); }); };
    for (int i = 0; i < std::max(pictures, videos); ++i) {
      if (i < pictures) slots_.push_back(std::make_unique<WorkerSlot>(shared_, JobLane::kPicture));
      if (i < videos) slots_.push_back(std::make_unique<WorkerSlot>(shared_, JobLane::kVideo));
    }
    slots_.front()->start();
  }

  Result<Ticket> submit(Job job) {
    if (draining_) return Error{Kind::kUnavailable, "the service is ending"};
    if (queue_->full()) return Error{Kind::kBusy, "too many files wait already"};
    const JobLane lane = lane_of(job.file);
    const Ticket ticket = ++last_ticket_;
    const std::string caller = job.caller;
    queue_->push(caller, lane, Waiting{ticket, std::move(job)});
    shared_.changed();
    return ticket;
  }

  void cancel(Ticket ticket) {
    if (queue_->remove([&](const Waiting& waiting) { return waiting.ticket == ticket; })) return shared_.changed();
    for (const auto& slot : slots_) {
      if (slot->has(ticket)) return slot->cancel();
    }
  }

  PoolStatus status() const {
    PoolStatus status = shared_.counters;
    status.workers = static_cast<int>(slots_.size());
    status.queued = queue_->size();
    for (const auto& slot : slots_) {
      status.idle += slot->state() == State::kIdle;
      status.busy += slot->state() == State::kBusy;
      status.ready = status.ready || (slot->lane() == JobLane::kPicture && is_up(*slot));
    }
    return status;
  }

  void drain(std::chrono::nanoseconds deadline, std::function<void()> drained) {
    draining_ = true;
    drained_ = std::move(drained);
    drain_deadline_.start(deadline, [this] { give_up(); });
    shared_.changed();
  }

  std::function<void()> status_changed;

 private:
  struct Waiting {
    Ticket ticket;
    Job job;
  };

  static bool is_up(const WorkerSlot& slot) { return slot.state() == State::kIdle || slot.state() == State::kBusy; }

  void pump() {
    for (const auto& slot : slots_) feed(*slot);
    start_next();
    if (status_changed) status_changed();
    const bool busy = std::ranges::any_of(slots_, [](const auto& slot) { return slot->state() == State::kBusy; });
    if (draining_ && !busy && queue_->size() == 0 && drained_) {
      drain_deadline_.stop();
      std::exchange(drained_, nullptr)();
    }
  }

  void feed(WorkerSlot& slot) {
    if (slot.state() != State::kIdle) return;
    std::optional<Waiting> next = queue_->take(slot.lane());
    if (!next) return;
    std::optional<Job> back = slot.give(next->ticket, std::move(next->job));
    if (!back) return;
    const std::string caller = back->caller;
    queue_->push_front(caller, slot.lane(), Waiting{next->ticket, std::move(*back)});
  }

  // One after the other, once the first one is ready: they would only take its time.
  void start_next() {
    const auto starting = [](const auto& slot) { return slot->state() == State::kStarting; };
    const auto up = [](const auto& slot) { return is_up(*slot); };
    if (std::ranges::any_of(slots_, starting) || std::ranges::none_of(slots_, up)) return;
    const auto next = std::ranges::find_if(slots_, [](const auto& slot) { return !slot->started(); });
    if (next != slots_.end()) (*next)->start();
  }

  void give_up() {
    while (std::optional<Waiting> left = queue_->remove([](const Waiting&) { return true; }))
      left->job.done(Error{Kind::kCancelled, left->job.name + ": the service ended before its turn came"});
    for (const auto& slot : slots_) {
      if (slot->state() == State::kBusy) slot->give_up();
    }
  }

  WorkerSlot::Shared shared_;
  std::unique_ptr<FairQueue<Waiting>> queue_;
  Ticket last_ticket_ = 0;
  bool draining_ = false;
  std::function<void()> drained_;
  Timer drain_deadline_;
  Timer pump_;
  std::vector<std::unique_ptr<WorkerSlot>> slots_;
};

WorkerPool::WorkerPool(PoolOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
WorkerPool::~WorkerPool() = default;
Result<WorkerPool::Ticket> WorkerPool::submit(Job job) { return impl_->submit(std::move(job)); }
void WorkerPool::cancel(Ticket ticket) { impl_->cancel(ticket); }
PoolStatus WorkerPool::status() const { return impl_->status(); }
void WorkerPool::set_status_changed(std::function<void()> changed) { impl_->status_changed = std::move(changed); }
void WorkerPool::drain(std::chrono::nanoseconds deadline, std::function<void()> drained) {
  impl_->drain(deadline, std::move(drained));
}

}  // namespace clipembed
