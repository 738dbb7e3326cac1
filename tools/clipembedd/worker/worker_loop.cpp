#include "tools/clipembedd/worker/worker_loop.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kProgressInterval = std::chrono::milliseconds(200);

bool readable(int socket) {
  pollfd fd{.fd = socket, .events = POLLIN, .revents = 0};
  return poll(&fd, 1, 0) > 0;
}

// The daemon checks what it is told, so a decoder's odd times are put straight here.
std::chrono::nanoseconds not_negative(std::chrono::nanoseconds time) {
  return std::max(time, std::chrono::nanoseconds(0));
}

}  // namespace

void WorkerLoop::run() {
  while (true) {
    Result<std::optional<Received>> received = receive_record(control_, true);
    if (!received || !*received) return;
    const Result<ToWorker> record = decode_to_worker((*received)->bytes);
    if (!record) return;
    if (const auto* job = std::get_if<JobRecord>(&*record)) work(*job, std::move((*received)->file));
    // A cancel came when its job was done already.
  }
}

void WorkerLoop::work(const JobRecord& job, FileDescriptor file) {
  Result<MediaFile> media = MediaFile::adopt(file.release(), job.name);
  if (!media) return report(job, std::move(media).error());
  Deadline deadline(std::chrono::hours(24));  // the daemon's counts; this one is only for abandon()
  report(job, embedder_.embed(*media, job, deadline, [&](const MediaProgress& progress) {
    see_cancel(job.id, deadline);
    if (Clock::now() < next_progress_) return;
    next_progress_ = Clock::now() + kProgressInterval;
    MediaProgress sane = progress;
    sane.position = not_negative(sane.position);
    if (sane.duration) sane.duration = not_negative(*sane.duration);
    send(ProgressRecord{job.id, sane});
  }));
}

void WorkerLoop::report(const JobRecord& job, Result<MediaEmbedding> result) {
  next_progress_ = {};
  if (!result) return send(FailedRecord{job.id, std::move(result).error()});
  for (ChosenFrame& frame : result->frames) {
    frame.time = not_negative(frame.time);
    if (!job.want_frames) frame.embedding.clear();
    send(FrameRecord{job.id, std::move(frame)});
  }
  result->frames.clear();
  send(DoneRecord{job.id, *std::move(result)});
}

void WorkerLoop::see_cancel(std::uint64_t job, Deadline& deadline) {
  if (!readable(control_)) return;
  const Result<std::optional<Received>> received = receive_record(control_, false);
  if (!received || !*received) _exit(0);
  const Result<ToWorker> record = decode_to_worker((*received)->bytes);
  const auto* cancel = record ? std::get_if<CancelRecord>(&*record) : nullptr;
  if (cancel && cancel->id == job) deadline.abandon();
}

void WorkerLoop::send(const FromWorker& record) {
  if (!send_record(control_, encode(record))) _exit(0);
}

}  // namespace clipembed
