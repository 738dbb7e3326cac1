#include "lib/engine/dispatcher.h"

#include <exception>
#include <string>
#include <utility>

#include "lib/engine/threaded_engine.h"

namespace clipembed {
namespace {

Error tower_failed(const std::string& reason) {
  return {Error::Kind::kFailed, "the model could not embed a batch: " + reason};
}

}  // namespace

// ---- callers ----
//
// They wake the worker while they hold the lock: once it is free, a completion may have destroyed all of this.

Status Dispatcher::submit(const std::shared_ptr<Lane>& lane, Picture picture, Session::Completion done,
                          Session::WhenFull when_full) {
  if (Status fits = check_picture(info_, picture); !fits) return fits;
  std::unique_lock lock(mutex_);
  const std::uint64_t cancellations = lane->cancellations;
  const auto was_cancelled = [&] { return lane->cancelled || lane->cancellations != cancellations; };
  if (when_full == Session::WhenFull::kBlock && !on_worker_thread()) {
    queue_.caller_waits(lane);
    room_.wait(lock, [&] { return was_cancelled() || queue_.has_room(*lane); });
    queue_.caller_is_back(lane);
  }
  if (was_cancelled()) return cancelled();
  if (!queue_.has_room(*lane)) return queue_is_full();
  queue_.push(lane, {std::move(picture), std::move(done), Clock::now()});
  wake_.notify_one();
  return ok();
}

void Dispatcher::flush(Lane& lane) {
  const std::lock_guard lock(mutex_);
  BatchQueue::flush(lane);
  wake_.notify_one();
}

void Dispatcher::cancel(Lane& lane) {
  {
    const std::lock_guard lock(mutex_);
    lane.cancelled = true;
    ++lane.cancellations;
    for (BatchQueue::Entry& entry : in_flight_) {
      if (entry.lane.get() == &lane && entry.queued.done) {
        lane.outbox.post(std::exchange(entry.queued.done, nullptr), cancelled());
      }
    }
    for (QueuedPicture& queued : queue_.withdraw(lane)) lane.outbox.post(std::move(queued.done), cancelled());
  }
  room_.notify_all();
  lane.outbox.deliver();
  lane.outbox.wait_until_delivered();
}

void Dispatcher::resume(Lane& lane) {
  const std::lock_guard lock(mutex_);
  lane.cancelled = false;
}

void Dispatcher::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  wake_.notify_one();
}

// ---- worker ----

void Dispatcher::run(VisionTower& tower) {
  while (wait_for_batch()) publish(infer(tower));
}

bool Dispatcher::wait_for_batch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Clock::time_point due = queue_.due();
    if (due <= Clock::now()) {
      in_flight_ = queue_.take_batch();
      room_.notify_all();
      return true;
    }
    if (due == Clock::time_point::max()) {
      wake_.wait(lock);
    } else {
      wake_.wait_until(lock, due);
    }
  }
  return false;
}

// LibTorch throws, and one bad batch must not end the process.
Result<std::vector<Embedding>> Dispatcher::infer(VisionTower& tower) try {
  const Clock::time_point start = Clock::now();
  const std::size_t count = in_flight_.size(), dim = info_.dim;
  batch_.clear();
  for (BatchQueue::Entry& entry : in_flight_) {
    const Picture picture = std::move(entry.queued.picture);  // freed here
    batch_.insert(batch_.end(), picture.begin(), picture.end());
  }
  std::vector<float> values(count * dim);
  const Status done = tower.embed(batch_, static_cast<int>(count), values);
  if (!done) return tower_failed(done.error().message);

  const auto inference = Clock::now() - start;
  std::vector<Embedding> embeddings;
  embeddings.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto first = values.begin() + i * dim;
    embeddings.push_back({.values = {first, first + dim},
                          .queued = start - in_flight_[i].queued.submitted,
                          .inference = inference,
                          .batch = static_cast<int>(count)});
  }
  return embeddings;
} catch (const std::exception& thrown) {
  return tower_failed(thrown.what());
}

// Everything is posted before anything is delivered: a completion may then cancel any session, its own too.
void Dispatcher::publish(Result<std::vector<Embedding>> outcome) {
  std::vector<BatchQueue::Entry> batch;
  {
    const std::lock_guard lock(mutex_);
    batch = std::exchange(in_flight_, {});
    for (std::size_t i = 0; i < batch.size(); ++i) {
      Session::Completion& done = batch[i].queued.done;
      if (!done) continue;  // cancelled meanwhile
      batch[i].lane->outbox.post(std::move(done),
                                 outcome ? Result<Embedding>(std::move((*outcome)[i])) : outcome.error());
    }
  }
  for (const BatchQueue::Entry& entry : batch) entry.lane->outbox.deliver();
}

}  // namespace clipembed
