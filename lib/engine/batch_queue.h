// What waits for the tower: a lane of pictures for each session, when the next batch is due, and what goes into it.
// Plain data that knows no thread and no clock; the engine guards it with a lock and passes the time in.
//
// Due. A batch is due as soon as one of these holds:
//   - as many pictures wait, in all lanes together, as some waiting session asks for with its batch_size (the smallest
//     counts: a session that asks for 1 is in a hurry, and the others' pictures go along at little cost);
//   - a picture has waited for its session's batch_timeout;
//   - a picture was flushed.
//
// Fair. A batch takes one picture from each lane in turn until it is full, and the next batch goes on with the lane
// after the last. So each of n busy sessions gets 1/n of the tower, and a quiet one waits for at most
// ceil(n / max_batch) batches.
//
// Bounded. A lane may always hold one batch of its own, so that no session can keep another one out, and a full lane is
// always due. Beyond that it may hold its share of four full batches, while the whole queue is below that. The sessions
// that share are those with pictures in the queue or with a caller who waits to bring one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/engine/outbox.h"

namespace clipembed {

using Clock = std::chrono::steady_clock;

struct QueuedPicture {
  Picture picture;
  Session::Completion done;
  Clock::time_point submitted;
};

// One session's end of the engine. The members are BatchQueue's, but for the last three.
struct Lane {
  std::size_t batch_size;
  Clock::duration batch_timeout;
  std::deque<QueuedPicture> waiting{};
  std::size_t callers = 0;          // in submit(), waiting for room
  std::size_t flushed = 0;          // of those waiting, from the front
  bool cancelled = false;           // the dispatcher's, as is the next one
  std::uint64_t cancellations = 0;  // so that a blocked submit() notices one that resume() has followed
  Outbox outbox{};                  // has its own lock

  bool idle() const { return waiting.empty() && callers == 0; }
};

class BatchQueue {
 public:
  struct Entry {
    std::shared_ptr<Lane> lane;
    QueuedPicture queued;
  };

  explicit BatchQueue(std::size_t max_batch) : max_batch_(max_batch) {}

  std::shared_ptr<Lane> make_lane(const SessionOptions& options) const;

  bool has_room(const Lane& lane) const;
  void caller_waits(const std::shared_ptr<Lane>& lane);
  void caller_is_back(const std::shared_ptr<Lane>& lane);
  void push(const std::shared_ptr<Lane>& lane, QueuedPicture queued);
  static void flush(Lane& lane) { lane.flushed = lane.waiting.size(); }

  // time_point::min() when a batch is due whatever the time, time_point::max() when nothing waits.
  Clock::time_point due() const;

  std::vector<Entry> take_batch();
  std::deque<QueuedPicture> withdraw(Lane& lane);

 private:
  const std::size_t max_batch_;
  std::size_t size_ = 0;
  std::deque<std::shared_ptr<Lane>> turns_;  // lanes that are not idle; the front one is served next
};

}  // namespace clipembed
