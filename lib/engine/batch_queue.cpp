#include "lib/engine/batch_queue.h"

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

// As many batches as keep the tower busy while callers catch up; 19 MB of 224 x 224 pictures with batches of 32.
constexpr std::size_t kBatchesQueued = 4;

constexpr int kLargestBatch = 256;

// "For ever" is a valid timeout, so the sum saturates.
Clock::time_point deadline(const Lane& lane) {
  const Clock::time_point submitted = lane.waiting.front().submitted;
  return lane.batch_timeout < Clock::time_point::max() - submitted ? submitted + lane.batch_timeout
                                                                   : Clock::time_point::max();
}

}  // namespace

std::shared_ptr<Lane> BatchQueue::make_lane(const SessionOptions& options) const {
  const auto wanted = static_cast<std::size_t>(std::clamp(options.batch_size, 1, kLargestBatch));
  return std::make_shared<Lane>(std::min(wanted, max_batch_),
                                std::max(options.batch_timeout, std::chrono::nanoseconds::zero()));
}

bool BatchQueue::has_room(const Lane& lane) const {
  const std::size_t capacity = kBatchesQueued * max_batch_;
  const std::size_t busy_lanes = turns_.size() + (lane.waiting.empty() ? 1 : 0);
  return lane.waiting.size() < lane.batch_size || (size_ < capacity && lane.waiting.size() < capacity / busy_lanes);
}

void BatchQueue::push(const std::shared_ptr<Lane>& lane, QueuedPicture queued) {
  if (lane->waiting.empty()) turns_.push_back(lane);
  lane->waiting.push_back(std::move(queued));
  ++size_;
}

Clock::time_point BatchQueue::due() const {
  auto earliest = Clock::time_point::max();
  for (const auto& lane : turns_) {
    if (lane->flushed > 0 || size_ >= lane->batch_size) return Clock::time_point::min();
    earliest = std::min(earliest, deadline(*lane));
  }
  return earliest;
}

std::vector<BatchQueue::Entry> BatchQueue::take_batch() {
  std::vector<Entry> batch;
  while (batch.size() < max_batch_ && !turns_.empty()) {
    const std::shared_ptr<Lane> lane = std::move(turns_.front());
    turns_.pop_front();
    batch.push_back({lane, std::move(lane->waiting.front())});
    lane->waiting.pop_front();
    if (lane->flushed > 0) --lane->flushed;
    if (!lane->waiting.empty()) turns_.push_back(lane);
  }
  size_ -= batch.size();
  return batch;
}

std::deque<QueuedPicture> BatchQueue::withdraw(Lane& lane) {
  std::erase_if(turns_, [&](const auto& turn) { return turn.get() == &lane; });
  size_ -= lane.waiting.size();
  lane.flushed = 0;
  return std::exchange(lane.waiting, {});
}

}  // namespace clipembed
