// Who is served next: callers in turn, lanes apart.
#include <string>
#include <vector>

#include "tests/unit/suite.h"
#include "tools/clipembedd/fair_queue.h"

using namespace clipembed;

namespace {

void expect_text(const std::string& text, const std::string& expected) {
  ck_assert_str_eq(text.c_str(), expected.c_str());
}

using Queue = FairQueue<std::string>;
constexpr auto kPicture = JobLane::kPicture;
constexpr auto kVideo = JobLane::kVideo;

std::string take_all(Queue& queue, JobLane lane) {
  std::string order;
  while (const auto entry = queue.take(lane)) order += (order.empty() ? "" : " ") + *entry;
  return order;
}

void expect_order(Queue& queue, JobLane lane, const std::string& order) { expect_text(take_all(queue, lane), order); }

}  // namespace

START_TEST(one_caller_is_served_in_order) {
  Queue queue(10);
  for (const char* entry : {"a1", "a2", "a3"}) queue.push("a", kPicture, entry);
  expect_order(queue, kPicture, "a1 a2 a3");
}
END_TEST

START_TEST(callers_take_turns_however_much_each_has) {
  Queue queue(10);
  for (const char* entry : {"a1", "a2", "a3", "a4"}) queue.push("a", kPicture, entry);
  queue.push("b", kPicture, "b1");
  queue.push("c", kPicture, "c1");
  queue.push("b", kPicture, "b2");
  expect_order(queue, kPicture, "a1 b1 c1 a2 b2 a3 a4");
}
END_TEST

START_TEST(a_caller_who_comes_anew_waits_for_one_round) {
  Queue queue(10);
  queue.push("a", kPicture, "a1");
  queue.push("b", kPicture, "b1");
  queue.push("b", kPicture, "b2");
  expect_text(*queue.take(kPicture), "a1");
  queue.push("a", kPicture, "a2");
  expect_order(queue, kPicture, "b1 a2 b2");
}
END_TEST

START_TEST(videos_do_not_hold_up_pictures) {
  Queue queue(10);
  queue.push("a", kVideo, "film");
  queue.push("a", kPicture, "photo");
  expect_text(*queue.take(kPicture), "photo");
  ck_assert(!queue.take(kPicture));
  expect_text(*queue.take(kVideo), "film");
}
END_TEST

START_TEST(its_capacity_is_that_of_both_lanes) {
  Queue queue(2);
  queue.push("a", kVideo, "film");
  ck_assert(!queue.full());
  queue.push("b", kPicture, "photo");
  ck_assert(queue.full());
  queue.take(kVideo);
  ck_assert(!queue.full());
  ck_assert_uint_eq(queue.size(), 1);
}
END_TEST

START_TEST(what_is_put_back_is_next) {
  Queue queue(10);
  for (const char* entry : {"a1", "a2"}) queue.push("a", kPicture, entry);
  queue.push("b", kPicture, "b1");
  queue.push_front("a", kPicture, *queue.take(kPicture));
  expect_order(queue, kPicture, "a1 b1 a2");
}
END_TEST

START_TEST(what_is_removed_is_not_served) {
  Queue queue(10);
  for (const char* entry : {"a1", "a2"}) queue.push("a", kPicture, entry);
  queue.push("b", kVideo, "b1");
  const auto is = [](const char* name) { return [name](const std::string& entry) { return entry == name; }; };
  ck_assert(queue.remove(is("a1")).has_value());
  ck_assert(queue.remove(is("b1")).has_value());
  ck_assert(!queue.remove(is("b1")).has_value());
  ck_assert_uint_eq(queue.size(), 1);
  expect_order(queue, kVideo, "");
  expect_order(queue, kPicture, "a2");
}
END_TEST

int main() {
  return run_suite("fair_queue",
                   {one_caller_is_served_in_order, callers_take_turns_however_much_each_has,
                    a_caller_who_comes_anew_waits_for_one_round, videos_do_not_hold_up_pictures,
                    its_capacity_is_that_of_both_lanes, what_is_put_back_is_next, what_is_removed_is_not_served});
}
