// The local engine with a scripted tower: batches, order, the full queue, failures.
#include <string.h>

#include <future>
#include <stdexcept>

#include "tests/unit/engine_bench.h"
#include "tests/unit/suite.h"

using namespace clipembed;
using namespace clipembed::test;
using namespace std::chrono_literals;
using WhenFull = Session::WhenFull;

// ---- batches ----

START_TEST(an_embedding_is_that_of_its_picture) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {7, 8, 9, 10});
  const auto results = bench.inbox.results(4);
  for (int i = 0; i < 4; ++i) {
    ck_assert(bool(results[i]));
    ck_assert(results[i]->values == std::vector<float>{7.f + i});
    ck_assert_int_eq(results[i]->batch, 4);
  }
}
END_TEST

START_TEST(a_batch_waits_until_it_is_full) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1, 2, 3, 4});
  bench.inbox.tags(4);
  ck_assert((bench.script->batches() == std::vector<Tags>{{1, 2, 3, 4}}));
}
END_TEST

START_TEST(a_batch_that_stays_short_runs_when_its_time_is_up) {
  Bench bench;
  const auto session = bench.engine->open_session({.batch_size = kMaxBatch, .batch_timeout = 1ms});
  bench.submit(*session, {1});
  ck_assert(bool(bench.inbox.results(1)[0]));
}
END_TEST

START_TEST(flush_runs_a_short_batch) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1, 2});
  session->flush();
  bench.inbox.tags(2);
  ck_assert((bench.script->batches() == std::vector<Tags>{{1, 2}}));
}
END_TEST

START_TEST(what_came_while_the_tower_was_busy_is_the_next_batch) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*session);
  bench.submit(*session, {1, 2, 3});
  bench.script->release();
  bench.inbox.tags(4);
  ck_assert((bench.script->batches() == std::vector<Tags>{{99}, {1, 2, 3}}));
}
END_TEST

START_TEST(a_busy_session_shares_each_batch_with_a_quiet_one) {
  Bench bench;
  const auto busy = bench.engine->open_session(kSinglePictures), quiet = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*busy);
  bench.submit(*busy, {10, 11, 12, 13, 14});
  bench.submit(*quiet, {20, 21});
  bench.script->release();
  bench.inbox.tags(8);
  ck_assert((bench.script->batches() == std::vector<Tags>{{99}, {10, 20, 11, 21}, {12, 13, 14}}));
}
END_TEST

START_TEST(completions_of_a_session_come_in_order_of_submission) {
  Bench bench;
  const auto a = bench.engine->open_session(kSinglePictures), b = bench.engine->open_session(kSinglePictures);
  Inbox of_b;
  Tags expected;
  for (int tag = 0; tag < 50; ++tag) {
    bench.submit(*a, {tag});
    ck_assert(bool(b->submit(tagged_picture(tag), of_b.slot(tag))));
    expected.push_back(tag);
  }
  ck_assert(bench.inbox.tags(50) == expected);
  ck_assert(of_b.tags(50) == expected);
}
END_TEST

START_TEST(the_tower_lives_on_one_thread_of_its_own) {
  Bench bench;
  bench.submit(*bench.engine->open_session(kSinglePictures), {1});
  bench.engine.reset();
  ck_assert(bench.script->closed());
  ck_assert_uint_eq(bench.script->threads().size(), 1);
  ck_assert(!bench.script->threads().contains(std::this_thread::get_id()));
}
END_TEST

// ---- a full queue ----

START_TEST(a_full_queue_refuses) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*session);
  ck_assert_int_eq(submit_until_refused(bench, *session, Error::Kind::kBusy), 4 * kMaxBatch);
}
END_TEST

START_TEST(a_full_queue_has_room_again_after_a_batch) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*session);
  const std::size_t accepted = 1 + submit_until_refused(bench, *session, Error::Kind::kBusy);
  std::jthread blocked([&] { bench.submit(*session, {50}); });
  bench.script->release();
  ck_assert_int_eq(bench.inbox.tags(accepted + 1).back(), 50);
}
END_TEST

START_TEST(cancel_wakes_a_blocked_submit) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*session);
  submit_until_refused(bench, *session, Error::Kind::kBusy);
  bool was_cancelled = false;
  {
    std::jthread blocked([&] {
      was_cancelled = is(session->submit(tagged_picture(50), bench.inbox.slot(50)), Error::Kind::kCancelled);
    });
    session->cancel();
  }
  ck_assert(was_cancelled);
}
END_TEST

START_TEST(a_completion_never_blocks_on_its_own_queue) {
  Bench bench;
  expect_refusal_in_completion(*bench.engine);
}
END_TEST

START_TEST(a_picture_of_another_size_is_refused) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  for (const std::size_t size : {std::size_t{0}, tiny_info().input.bytes() - 1, tiny_info().input.bytes() + 1}) {
    ck_assert(is(session->submit(Picture(size), bench.inbox.slot(1)), Error::Kind::kSettings));
  }
  ck_assert_uint_eq(bench.inbox.count(), 0);
}
END_TEST

// ---- failures ----

START_TEST(a_failed_batch_fails_its_pictures_and_no_others) {
  Bench bench(
      [](const Tags& tags) { return tags[0] == 1 ? Status(Error{Error::Kind::kFailed, "out of memory"}) : ok(); });
  const auto session = bench.engine->open_session({.batch_size = 2, .batch_timeout = kForEver});
  bench.submit(*session, {1, 2});
  bench.inbox.tags(2);
  bench.submit(*session, {3, 4});
  const auto results = bench.inbox.results(4);
  for (const int failed : {0, 1}) {
    ck_assert(!results[failed] && results[failed].error().kind == Error::Kind::kFailed);
    ck_assert_ptr_nonnull(strstr(results[failed].error().message.c_str(), "out of memory"));
  }
  ck_assert(results[2] && results[3]);
}
END_TEST

START_TEST(an_exception_fails_its_batch_and_no_other) {
  Bench bench([](const Tags& tags) -> Status {
    if (tags[0] == 1) throw std::runtime_error("shape mismatch");
    return ok();
  });
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.submit(*session, {1});
  bench.inbox.tags(1);
  bench.submit(*session, {2});
  const auto results = bench.inbox.results(2);
  ck_assert(!results[0] && results[0].error().kind == Error::Kind::kFailed);
  ck_assert_ptr_nonnull(strstr(results[0].error().message.c_str(), "shape mismatch"));
  ck_assert(bool(results[1]));
}
END_TEST

START_TEST(a_tower_that_does_not_open_is_an_error) {
  const auto opened = open_local_engine(
      tiny_info(), [] { return Result<std::unique_ptr<VisionTower>>(Error{Error::Kind::kLibrary, "no LibTorch"}); });
  ck_assert(!opened && opened.error().kind == Error::Kind::kLibrary);
}
END_TEST

START_TEST(a_tower_that_throws_while_it_opens_is_an_error) {
  const auto opened = open_local_engine(
      tiny_info(), []() -> Result<std::unique_ptr<VisionTower>> { throw std::runtime_error("no LibTorch"); });
  ck_assert(!opened && opened.error().kind == Error::Kind::kFailed);
}
END_TEST

int main() {
  return run_suite(
      "engine",
      {an_embedding_is_that_of_its_picture, a_batch_waits_until_it_is_full,
       a_batch_that_stays_short_runs_when_its_time_is_up, flush_runs_a_short_batch,
       what_came_while_the_tower_was_busy_is_the_next_batch, a_busy_session_shares_each_batch_with_a_quiet_one,
       completions_of_a_session_come_in_order_of_submission, the_tower_lives_on_one_thread_of_its_own,
       a_full_queue_refuses, a_full_queue_has_room_again_after_a_batch, cancel_wakes_a_blocked_submit,
       a_completion_never_blocks_on_its_own_queue, a_picture_of_another_size_is_refused,
       a_failed_batch_fails_its_pictures_and_no_others, an_exception_fails_its_batch_and_no_other,
       a_tower_that_does_not_open_is_an_error, a_tower_that_throws_while_it_opens_is_an_error});
}
