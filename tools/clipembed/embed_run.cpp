#include "tools/clipembed/embed_run.h"

#include <algorithm>
#include <utility>

#include "tools/media/deadline.h"
#include "tools/media/embed_video.h"
#include "tools/media/still_image.h"

namespace clipembed {
namespace {

constexpr std::uint64_t kDecodedBytes = std::uint64_t{512} << 20;
constexpr std::size_t kFilesAhead = 256;  // of the result that next() waits for
constexpr std::chrono::milliseconds kTick{100};

unsigned worker_count() { return std::clamp(g_get_num_processors(), 2u, 8u); }

}  // namespace

struct EmbedRun::Job {
  Job(std::size_t index, std::chrono::seconds patience) : index(index), deadline(patience) {}

  const std::size_t index;  // into paths_
  const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  Deadline deadline;
  std::optional<FileResult> result;       // guarded by EmbedRun::mutex_
  std::optional<MediaProgress> progress;  // of a video; guarded by EmbedRun::mutex_
};

EmbedRun::EmbedRun(std::vector<std::string> paths, RunOptions options)
    : paths_(std::move(paths)),
      options_(std::move(options)),
      budget_(kDecodedBytes),
      pictures_(options_.embedder, options_.media.pipelines.still) {
  std::lock_guard lock(mutex_);
  const std::size_t count = std::min<std::size_t>(worker_count(), paths_.size());
  for (std::size_t i = 0; i < count; ++i) start_worker();
}

EmbedRun::~EmbedRun() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [index, job] : jobs_) job->deadline.abandon();
  }
  changed_.notify_all();
  for (Worker& worker : workers_) worker.thread.join();
}

std::optional<FileResult> EmbedRun::next(const std::function<bool()>& stop) {
  std::unique_lock lock(mutex_);
  while (next_to_return_ < paths_.size()) {
    if (const auto job = jobs_.find(next_to_return_); job != jobs_.end() && job->second->result) {
      FileResult result = std::move(*job->second->result);
      jobs_.erase(job);
      ++next_to_return_;
      changed_.notify_all();
      return result;
    }
    give_up_hanging();
    lock.unlock();
    if (stop()) return std::nullopt;
    lock.lock();
    changed_.wait_for(lock, kTick);
  }
  return std::nullopt;
}

std::optional<MediaProgress> EmbedRun::progress() {
  std::lock_guard lock(mutex_);
  const auto job = jobs_.find(next_to_return_);
  return job == jobs_.end() ? std::nullopt : job->second->progress;
}

// Called with mutex_ held.
void EmbedRun::start_worker() {
  Worker& worker = workers_.emplace_back();
  ++working_;
  worker.thread = std::thread([this, &worker] { work(worker); });
}

void EmbedRun::work(Worker& worker) {
  while (const std::shared_ptr<Job> job = take(worker)) {
    process(job);
    if (job->deadline.abandoned()) return;  // another thread has taken this one's place
  }
  std::unique_lock lock(mutex_);
  const bool last = --working_ == 0;
  lock.unlock();
  if (last) pictures_.finish();
}

std::shared_ptr<EmbedRun::Job> EmbedRun::take(Worker& worker) {
  std::unique_lock lock(mutex_);
  worker.job.reset();
  changed_.wait(lock, [&] {
    return stopping_ || next_to_take_ == paths_.size() || next_to_take_ < next_to_return_ + kFilesAhead;
  });
  if (stopping_ || next_to_take_ == paths_.size()) return nullptr;
  worker.job = std::make_shared<Job>(next_to_take_++, options_.timeout);
  jobs_.emplace(worker.job->index, worker.job);
  return worker.job;
}

void EmbedRun::process(const std::shared_ptr<Job>& job) {
  Result<MediaFile> file = MediaFile::open(paths_[job->index]);
  if (!file) return complete(*job, std::move(file).error());
  job->deadline.feed();
  if (is_video(*file)) {
    const auto note = [&](const MediaProgress& progress) {
      std::lock_guard lock(mutex_);
      job->progress = progress;
    };
    complete(*job, embed_video(*file, options_.media, options_.embedder, job->deadline, note));
  } else {
    process_still(job, *file);
  }
  job->deadline.suspend();
}

void EmbedRun::process_still(const std::shared_ptr<Job>& job, const MediaFile& file) {
  Result<StillImage> image =
      load_still_image(file, {.auto_orient = options_.media.auto_orient, .max_pixels = options_.media.max_pixels},
                       &budget_, job->deadline);
  if (!image) return complete(*job, std::move(image).error());
  job->deadline.suspend();  // from here on the file waits for the engine, not for its decoder
  if (job->deadline.abandoned()) return;
  pictures_.embed(std::move(*image),
                  [this, job](Result<MediaEmbedding> outcome) { complete(*job, std::move(outcome)); });
}

// The first result of a file counts.
void EmbedRun::complete(Job& job, Result<MediaEmbedding> outcome) {
  FileResult result = file_result(job, std::move(outcome));
  {
    std::lock_guard lock(mutex_);
    if (!job.result) job.result = std::move(result);
  }
  changed_.notify_all();
}

FileResult EmbedRun::file_result(const Job& job, Result<MediaEmbedding> outcome) const {
  return {.path = paths_[job.index],
          .number = job.index + 1,
          .outcome = std::move(outcome),
          .processing = std::chrono::steady_clock::now() - job.start};
}

// Called with mutex_ held.
void EmbedRun::give_up_hanging() {
  for (Worker& worker : workers_) {
    const std::shared_ptr<Job> job = worker.job;
    if (!job || job->result || job->deadline.abandoned() || !job->deadline.expired()) continue;
    job->deadline.abandon();
    job->result = file_result(
        *job, Error{Error::Kind::kCancelled, paths_[job->index] + ": its decoder showed no sign of life for " +
                                                 std::to_string(options_.timeout.count()) + " s (see --timeout)"});
    abandoned_ = true;
    budget_.write_off();
    --working_;
    start_worker();
  }
}

}  // namespace clipembed
