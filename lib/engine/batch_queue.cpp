#include "lib/engine/batch_queue.h"

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

// As many batches as keep the tower busy while callers catch up; 5 MB of 224 x 224 pictures with batches of 8.
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
  const std::size_t busy_lanes = turns_.size() + (lane.idle() ? 1 : 0);
  return lane.waiting.size() < lane.batch_size || (size_ < capacity && lane.waiting.size() < capacity / busy_lanes);
}

void BatchQueue::caller_waits(const std::shared_ptr<Lane>& lane) {
  if (lane->idle()) turns_.push_back(lane);
  ++lane->callers;
}

void BatchQueue::caller_is_back(const std::shared_ptr<Lane>& lane) {
  --lane->callers;
  if (lane->idle()) std::erase(turns_, lane);
}

void BatchQueue::push(const std::shared_ptr<Lane>& lane, QueuedPicture queued) {
  if (lane->idle()) turns_.push_back(lane);
  lane->waiting.push_back(std::move(queued));
  ++size_;
}

Clock::time_point BatchQueue::due() const {
  auto earliest = Clock::time_point::max();
  for (const auto& lane : turns_) {
    if (lane->waiting.empty()) continue;
    if (lane->flushed > 0 || size_ >= lane->batch_size) return Clock::time_point::min();
    earliest = std::min(earliest, deadline(*lane));
  }
  return earliest;
}

std::vector<BatchQueue::Entry> BatchQueue::take_batch() {
  std::vector<Entry> batch;
  while (batch.size() < max_batch_ && size_ > 0) {
    const std::shared_ptr<Lane> lane = std::move(turns_.front());
    turns_.pop_front();
    if (!lane->waiting.empty()) {
      batch.push_back({lane, std::move(lane->waiting.front())});
      lane->waiting.pop_front();
      if (lane->flushed > 0) --lane->flushed;
      --size_;
    }
    if (!lane->idle()) turns_.push_back(lane);
  }
  return batch;
}

std::deque<QueuedPicture> BatchQueue::withdraw(Lane& lane) {
  size_ -= lane.waiting.size();
  lane.flushed = 0;
  auto withdrawn = std::exchange(lane.waiting, {});
  std::erase_if(turns_, [](const auto& turn) { return turn->idle(); });
  return withdrawn;
}

}  // namespace clipembed
