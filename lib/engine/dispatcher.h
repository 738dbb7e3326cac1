// Takes pictures from sessions to the tower and embeddings back.
//
//   submit() -> BatchQueue -> in_flight_ -> tower -> Outbox of the lane -> completion
//
// cancel() moves what is in the first two places straight to the last. One lock guards both; it is never held while the
// tower or a completion runs.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "lib/engine/batch_queue.h"
#include "lib/engine/engine.h"

namespace clipembed {

class Dispatcher {
 public:
  // On the thread that will call run().
  Dispatcher(EngineInfo info, int max_batch) : info_(std::move(info)), queue_(max_batch) {
    // At once: glibc's malloc learns from every large block that is freed (lib/model/torch/tensor_memory.h).
    batch_.reserve(max_batch * info_.input.bytes());
  }

  const EngineInfo& info() const { return info_; }

  // Works until stop(), and not beyond the batch it is in.
  void run(VisionTower& tower);
  void stop();
  bool on_worker_thread() const { return std::this_thread::get_id() == worker_; }

  // The functions of Session, for the session with this lane.
  std::shared_ptr<Lane> open_lane(const SessionOptions& options) const { return queue_.make_lane(options); }
  Status submit(const std::shared_ptr<Lane>& lane, Picture picture, Session::Completion done,
                Session::WhenFull when_full);
  void flush(Lane& lane);
  void cancel(Lane& lane);
  void resume(Lane& lane);
  void close_lane(Lane& lane) { cancel(lane); }

 private:
  bool wait_for_batch();
  Result<std::vector<Embedding>> infer(VisionTower& tower);
  void publish(Result<std::vector<Embedding>> outcome);

  const EngineInfo info_;
  const std::thread::id worker_ = std::this_thread::get_id();

  std::mutex mutex_;              // guards what follows, and the lanes
  std::condition_variable wake_;  // the worker: something was queued, flushed, stopped
  std::condition_variable room_;  // blocked callers: something left the queue, or was cancelled
  BatchQueue queue_;
  bool stopping_ = false;
  // The batch that the tower works on. Only the worker changes it as a whole, and it reads the pictures without the
  // lock; cancel() takes completions out of it.
  std::vector<BatchQueue::Entry> in_flight_;

  Picture batch_;  // the pictures in flight, one after another; the worker's alone, and kept for the next batch
};

}  // namespace clipembed
