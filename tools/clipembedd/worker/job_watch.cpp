#include "tools/clipembedd/worker/job_watch.h"

#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <variant>

#include "tools/clipembedd/control_socket.h"

namespace clipembed {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);

bool readable(int socket) {
  pollfd fd{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&fd, 1, 0) > 0;
}

StallWatch::CpuTime used_processor_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto time = [](const timeval& value) {
    return std::chrono::seconds(value.tv_sec) + std::chrono::microseconds(value.tv_usec);
  };
  return time(usage.ru_utime) + time(usage.ru_stime);
}

}  // namespace

JobWatch::JobWatch(int control, std::uint64_t job, Deadline& deadline)
    : control_(control), job_(job), deadline_(deadline), thread_([this] { watch(); }) {}

JobWatch::~JobWatch() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  ended_.notify_one();
  thread_.join();
}

// Time counts by looks, not by the clock: where others leave the pipeline's threads no processor, this one has none
// either.
void JobWatch::watch() {
  StallWatch::Clock::time_point now;
  std::unique_lock lock(mutex_);
  while (!ended_.wait_for(lock, kLookEvery, [this] { return over_; })) {
    now += kLookEvery;
    see_cancel();
    const MediaProgress progress{.position = std::chrono::nanoseconds(position_), .duration = {}};
    if (!stall_.stalled(progress, used_processor_time(), now)) continue;
    stalled_ = true;
    deadline_.abandon();
  }
}

void JobWatch::see_cancel() {
  if (!readable(control_)) return;
  const Result<std::optional<Received>> received = receive_record(control_, false);
  if (!received || !*received) _exit(0);
  const Result<ToWorker> record = decode_to_worker((*received)->bytes);
  const auto* cancel = record ? std::get_if<CancelRecord>(&*record) : nullptr;
  if (cancel && cancel->id == job_) deadline_.abandon();
}

}  // namespace clipembed
