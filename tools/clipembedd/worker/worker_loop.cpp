#include "tools/clipembedd/worker/worker_loop.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "tools/clipembedd/worker/job_watch.h"
#include "tools/media/embed_video.h"

namespace clipembed {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kProgressInterval = std::chrono::milliseconds(200);

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
  std::optional<JobWatch> watch;
  if (is_video(*media)) watch.emplace(control_, job.id, deadline);
  Result<MediaEmbedding> result = embedder_.embed(*media, job, deadline, [&](const MediaProgress& progress) {
    if (watch) watch->see(progress);
    report(job, progress);
  });
  if (!result && watch && watch->stalled())
    result = Error{Error::Kind::kFailed, job.name + ": it is damaged: decoding has stopped before its end"};
  watch.reset();
  report(job, std::move(result));
}

void WorkerLoop::report(const JobRecord& job, MediaProgress progress) {
  if (Clock::now() < next_progress_) return;
  next_progress_ = Clock::now() + kProgressInterval;
  progress.position = not_negative(progress.position);
  if (progress.duration) progress.duration = not_negative(*progress.duration);
  send(ProgressRecord{job.id, progress});
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

void WorkerLoop::send(const FromWorker& record) {
  if (!send_record(control_, encode(record))) _exit(0);
}

}  // namespace clipembed
