// How work in the local engine ends before its time: cancellation, and who closes what.
#include <atomic>
#include <future>

#include "tests/unit/engine_bench.h"
#include "tests/unit/suite.h"

using namespace clipembed;
using namespace clipembed::test;
using namespace std::chrono_literals;
using WhenFull = Session::WhenFull;

// ---- cancellation ----

START_TEST(cancel_completes_what_is_queued) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1, 2, 3});
  session->cancel();
  ck_assert_uint_eq(bench.inbox.count(), 3);
  ck_assert((bench.inbox.tags(3) == Tags{1, 2, 3}));
  ck_assert(bench.inbox.all_are(3, Error::Kind::kCancelled));
}
END_TEST

START_TEST(cancel_does_not_wait_for_the_tower) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.hold_a_batch(*session);
  session->cancel();
  ck_assert(bench.inbox.all_are(1, Error::Kind::kCancelled));
}
END_TEST

START_TEST(a_result_that_comes_after_cancel_is_thrown_away) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.hold_a_batch(*session);
  session->cancel();
  session->resume();
  bench.submit(*session, {1});
  bench.script->release();
  ck_assert((bench.inbox.tags(2) == Tags{99, 1}));
}
END_TEST

START_TEST(cancel_leaves_other_sessions_alone) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches), other = bench.engine->open_session(kFullBatches);
  Inbox cancelled;
  ck_assert(bool(session->submit(tagged_picture(1), cancelled.slot(1))));
  bench.submit(*other, {2});
  session->cancel();
  other->flush();
  ck_assert(cancelled.all_are(1, Error::Kind::kCancelled));
  ck_assert(bool(bench.inbox.results(1)[0]));
}
END_TEST

START_TEST(a_cancelled_session_refuses_until_it_is_resumed) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  session->cancel();
  ck_assert(is(session->submit(tagged_picture(1), bench.inbox.slot(1)), Error::Kind::kCancelled));
  session->resume();
  bench.submit(*session, {2});
  ck_assert((bench.inbox.tags(1) == Tags{2}));
}
END_TEST

START_TEST(cancel_waits_for_a_running_completion) {
  Bench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  std::promise<void> entered, leave;
  std::atomic<bool> finished = false;
  ck_assert(bool(session->submit(tagged_picture(1), [&](Result<Embedding>) {
    entered.set_value();
    leave.get_future().wait();
    finished = true;
  })));
  entered.get_future().wait();
  bool waited = false;
  std::jthread canceller([&] {
    session->cancel();
    waited = finished;
  });
  submit_until_cancelled(*session);
  leave.set_value();
  canceller.join();
  ck_assert(waited);
}
END_TEST

START_TEST(destroying_a_session_cancels_it) {
  Bench bench;
  auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1, 2});
  session.reset();
  ck_assert_uint_eq(bench.inbox.count(), 2);
  ck_assert(bench.inbox.all_are(2, Error::Kind::kCancelled));
}
END_TEST

START_TEST(every_accepted_picture_is_completed_once_whatever_happens) {
  Bench bench;
  expect_each_completed_once(bench.engine->open_session({.batch_size = 3, .batch_timeout = 10us}),
                             bench.engine->open_session(kSinglePictures), [&] {});
}
END_TEST

// ---- who closes what ----

START_TEST(a_session_keeps_its_engine_open) {
  Bench bench;
  auto session = bench.engine->open_session(kSinglePictures);
  bench.engine.reset();
  bench.submit(*session, {1});
  ck_assert(bool(bench.inbox.results(1)[0]));
  session.reset();
  ck_assert(bench.script->closed());
}
END_TEST

START_TEST(a_completion_may_cancel_its_own_session) {
  Bench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  std::promise<std::size_t> cancelled_inside;
  ck_assert(bool(session->submit(tagged_picture(0), [&](Result<Embedding>) {
    session->cancel();
    cancelled_inside.set_value(bench.inbox.count());
  })));
  bench.submit(*session, {1, 2, 3});
  ck_assert_uint_eq(cancelled_inside.get_future().get(), 3);
}
END_TEST

START_TEST(a_completion_may_destroy_its_session_and_its_engine) {
  Bench bench;
  auto session = bench.engine->open_session(kFullBatches);
  ck_assert(bool(session->submit(tagged_picture(0), [&](Result<Embedding>) { session.reset(); })));
  Session& last = *session;
  bench.engine.reset();
  bench.submit(last, {1, 2});
  last.flush();
  bench.script->wait_until_closed();
  ck_assert_uint_eq(bench.inbox.count(), 2);
}
END_TEST

START_TEST(a_cancelled_completion_may_destroy_its_session_and_its_engine) {
  Bench bench;
  auto session = bench.engine->open_session(kFullBatches);
  ck_assert(bool(session->submit(tagged_picture(0), [&](Result<Embedding>) { session.reset(); })));
  bench.engine.reset();
  session->cancel();
  ck_assert(bench.script->closed());
}
END_TEST

int main() {
  return run_suite("engine_end",
                   {cancel_completes_what_is_queued, cancel_does_not_wait_for_the_tower,
                    a_result_that_comes_after_cancel_is_thrown_away, cancel_leaves_other_sessions_alone,
                    a_cancelled_session_refuses_until_it_is_resumed, cancel_waits_for_a_running_completion,
                    destroying_a_session_cancels_it, every_accepted_picture_is_completed_once_whatever_happens,
                    a_session_keeps_its_engine_open, a_completion_may_cancel_its_own_session,
                    a_completion_may_destroy_its_session_and_its_engine,
                    a_cancelled_completion_may_destroy_its_session_and_its_engine});
}
