// When a batch is due, who is in it, and how much may wait. Time is an argument, so nothing here waits.
#include "lib/engine/batch_queue.h"
#include "tests/unit/suite.h"

using namespace clipembed;
using namespace std::chrono_literals;

namespace {

constexpr auto kNever = Clock::time_point::max();
constexpr auto kAtOnce = Clock::time_point::min();
constexpr Clock::time_point kStart{1h};

void push(BatchQueue& queue, const std::shared_ptr<Lane>& lane, int tag, Clock::time_point submitted = kStart) {
  queue.push(lane, {{static_cast<std::uint8_t>(tag)}, {}, submitted});
}

std::vector<int> take(BatchQueue& queue) {
  std::vector<int> tags;
  for (const BatchQueue::Entry& entry : queue.take_batch()) tags.push_back(entry.queued.picture[0]);
  return tags;
}

std::size_t fill(BatchQueue& queue, const std::shared_ptr<Lane>& lane) {
  while (queue.has_room(*lane)) push(queue, lane, 0);
  return lane->waiting.size();
}

}  // namespace

START_TEST(an_empty_queue_is_never_due) {
  const BatchQueue queue(4);
  ck_assert(queue.due() == kNever);
}
END_TEST

START_TEST(a_batch_is_due_at_once_when_it_is_full) {
  BatchQueue queue(4);
  const auto lane = queue.make_lane({.batch_size = 2, .batch_timeout = 40ms});
  push(queue, lane, 1);
  ck_assert(queue.due() != kAtOnce);
  push(queue, lane, 2);
  ck_assert(queue.due() == kAtOnce);
}
END_TEST

START_TEST(pictures_of_all_sessions_fill_a_batch_together) {
  BatchQueue queue(4);
  const auto a = queue.make_lane({.batch_size = 2}), b = queue.make_lane({.batch_size = 4});
  push(queue, b, 1);
  ck_assert(queue.due() != kAtOnce);
  push(queue, a, 2);
  ck_assert(queue.due() == kAtOnce);
}
END_TEST

START_TEST(a_session_that_waits_for_more_does_not_hold_up_one_that_does_not) {
  BatchQueue queue(4);
  const auto patient = queue.make_lane({.batch_size = 4}), hasty = queue.make_lane({.batch_size = 1});
  push(queue, patient, 1);
  push(queue, hasty, 2);
  ck_assert(queue.due() == kAtOnce);
}
END_TEST

START_TEST(a_batch_is_due_when_the_first_deadline_passes) {
  BatchQueue queue(4);
  const auto slow = queue.make_lane({.batch_size = 4, .batch_timeout = 40ms});
  const auto fast = queue.make_lane({.batch_size = 4, .batch_timeout = 10ms});
  push(queue, slow, 1, kStart);
  ck_assert(queue.due() == kStart + 40ms);
  push(queue, fast, 2, kStart + 5ms);
  ck_assert(queue.due() == kStart + 15ms);
}
END_TEST

START_TEST(a_timeout_of_for_ever_is_no_deadline) {
  BatchQueue queue(4);
  const auto lane = queue.make_lane({.batch_size = 4, .batch_timeout = std::chrono::nanoseconds::max()});
  push(queue, lane, 1);
  ck_assert(queue.due() == kNever);
}
END_TEST

START_TEST(flushed_pictures_are_due_and_later_ones_are_not) {
  BatchQueue queue(2);
  const auto lane = queue.make_lane({.batch_size = 2, .batch_timeout = 40ms});
  push(queue, lane, 1);
  BatchQueue::flush(*lane);
  ck_assert(queue.due() == kAtOnce);
  ck_assert(take(queue) == std::vector<int>{1});
  push(queue, lane, 2);
  ck_assert(queue.due() == kStart + 40ms);
}
END_TEST

START_TEST(sessions_take_turns_across_batches) {
  BatchQueue queue(3);
  const auto a = queue.make_lane({}), b = queue.make_lane({});
  for (const int tag : {10, 11, 12, 13}) push(queue, a, tag);
  for (const int tag : {20, 21}) push(queue, b, tag);
  ck_assert((take(queue) == std::vector{10, 20, 11}));
  ck_assert((take(queue) == std::vector{21, 12, 13}));
  ck_assert(take(queue).empty());
}
END_TEST

START_TEST(a_session_alone_may_fill_the_queue) {
  BatchQueue queue(4);
  ck_assert_uint_eq(fill(queue, queue.make_lane({.batch_size = 1})), 16);
}
END_TEST

START_TEST(a_full_queue_still_takes_a_batch_of_every_other_session) {
  BatchQueue queue(4);
  fill(queue, queue.make_lane({}));
  ck_assert_uint_eq(fill(queue, queue.make_lane({.batch_size = 3})), 3);
}
END_TEST

START_TEST(busy_sessions_come_to_share_the_queue_evenly) {
  BatchQueue queue(4);
  const auto a = queue.make_lane({.batch_size = 1}), b = queue.make_lane({.batch_size = 1});
  queue.caller_waits(a);
  queue.caller_waits(b);
  for (int round = 0; round < 8; ++round) {
    fill(queue, a);
    fill(queue, b);
    queue.take_batch();
  }
  fill(queue, a);
  fill(queue, b);
  ck_assert_uint_eq(a->waiting.size(), 8);
  ck_assert_uint_eq(b->waiting.size(), 8);
}
END_TEST

START_TEST(a_session_that_has_gone_leaves_its_share) {
  BatchQueue queue(4);
  const auto a = queue.make_lane({.batch_size = 1}), b = queue.make_lane({.batch_size = 1});
  queue.caller_waits(b);
  ck_assert_uint_eq(fill(queue, a), 8);
  queue.caller_is_back(b);
  ck_assert_uint_eq(fill(queue, a), 16);
}
END_TEST

START_TEST(a_waiting_caller_without_pictures_makes_nothing_due) {
  BatchQueue queue(4);
  queue.caller_waits(queue.make_lane({}));
  ck_assert(queue.due() == kNever);
  ck_assert(take(queue).empty());
}
END_TEST

START_TEST(a_full_lane_is_always_due) {
  for (std::size_t lanes = 1; lanes < 40; ++lanes) {
    BatchQueue queue(4);
    for (std::size_t i = 1; i < lanes; ++i) push(queue, queue.make_lane({.batch_size = 256}), 0);
    fill(queue, queue.make_lane({.batch_size = 256}));
    ck_assert(queue.due() == kAtOnce);
  }
}
END_TEST

START_TEST(withdrawing_a_session_leaves_the_others_in_turn) {
  BatchQueue queue(4);
  const auto a = queue.make_lane({}), b = queue.make_lane({});
  for (const int tag : {10, 11}) push(queue, a, tag);
  for (const int tag : {20, 21}) push(queue, b, tag);
  ck_assert_uint_eq(queue.withdraw(*a).size(), 2);
  ck_assert((take(queue) == std::vector{20, 21}));
  ck_assert(queue.due() == kNever);
}
END_TEST

START_TEST(absurd_options_are_brought_into_range) {
  const BatchQueue queue(4);
  ck_assert_uint_eq(queue.make_lane({.batch_size = -3})->batch_size, 1);
  ck_assert_uint_eq(queue.make_lane({.batch_size = 1000})->batch_size, 4);
  ck_assert(queue.make_lane({.batch_timeout = -1s})->batch_timeout == 0s);
}
END_TEST

int main() {
  return run_suite(
      "batch_queue",
      {an_empty_queue_is_never_due, a_batch_is_due_at_once_when_it_is_full,
       pictures_of_all_sessions_fill_a_batch_together, a_session_that_waits_for_more_does_not_hold_up_one_that_does_not,
       a_batch_is_due_when_the_first_deadline_passes, a_timeout_of_for_ever_is_no_deadline,
       flushed_pictures_are_due_and_later_ones_are_not, sessions_take_turns_across_batches,
       a_session_alone_may_fill_the_queue, a_full_queue_still_takes_a_batch_of_every_other_session,
       busy_sessions_come_to_share_the_queue_evenly, a_session_that_has_gone_leaves_its_share,
       a_waiting_caller_without_pictures_makes_nothing_due, a_full_lane_is_always_due,
       withdrawing_a_session_leaves_the_others_in_turn, absurd_options_are_brought_into_range});
}
