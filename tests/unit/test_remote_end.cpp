// How work ends before its time when the engine is in another process: cancellation, outages, and who closes what.
#include "tests/unit/remote_bench.h"

using namespace clipembed;
using namespace clipembed::test;
using Outage = SessionOptions::Outage;
using WhenFull = Session::WhenFull;

namespace {

SessionOptions single_pictures(Outage outage, News& news) {
  return {.batch_size = 1, .batch_timeout = kForEver, .outage = outage, .availability_changed = news.slot()};
}

// A client whose server the test plays.
struct RawBench {
  const Scratch scratch;
  const std::string address = "unix:" + (scratch.path() / "engine.sock").string();
  News news;
  Inbox inbox;
  std::optional<RawServer> server;
  std::optional<RawPeer> peer;
  std::shared_ptr<Engine> engine;

  RawBench() {
    server.emplace(address);
    auto opening = std::async(std::launch::async, [&] { return remote::open_remote_engine(address, ""); });
    peer.emplace(server->welcome_client(served_info()));
    engine = expect_value(opening.get());
  }
  void submit(Session& session, const Tags& tags) {
    for (const int tag : tags) ck_assert(bool(session.submit(tagged_picture(tag), inbox.slot(tag))));
  }
  // Reads until there is a message of this type.
  template <class Message>
  Message next() {
    while (true) {
      const remote::FromClient message = peer->from_client();
      if (const auto* wanted = std::get_if<Message>(&message)) return *wanted;
    }
  }
  void die() {
    server.reset();
    peer.reset();
  }
};

}  // namespace

// ---- cancellation ----

START_TEST(cancel_does_not_wait_for_the_server) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.local.hold_a_batch(*session);
  bench.local.submit(*session, {1, 2});
  session->cancel();
  ck_assert_uint_eq(bench.local.inbox.count(), 3);
  ck_assert((bench.local.inbox.tags(3) == Tags{99, 1, 2}));
  ck_assert(bench.local.inbox.all_are(3, Error::Kind::kCancelled));
}
END_TEST

START_TEST(what_the_server_holds_of_a_cancelled_session_is_not_run) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.hold_a_batch(*session);
  bench.local.submit(*session, {1, 2, 3});
  session->cancel();
  session->resume();
  bench.local.submit(*session, {4});
  bench.local.script->release();
  ck_assert((bench.local.inbox.tags(5) == Tags{99, 1, 2, 3, 4}));
  ck_assert(bool(bench.local.inbox.results(5)[4]));
  ck_assert_int_eq(bench.local.script->batches().back()[0], 4);
}
END_TEST

START_TEST(a_result_that_comes_after_cancel_is_thrown_away) {
  RawBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.submit(*session, {1});
  const auto old = bench.next<remote::Submit>();
  session->cancel();
  session->resume();
  bench.submit(*session, {2});
  bench.next<remote::Cancel>();
  const auto current = bench.next<remote::Submit>();
  const auto answer = [&](const remote::Submit& submit, float value) {
    bench.peer->send(remote::encode(remote::Answer{
        submit.session, submit.request, Embedding{.values = {value}, .queued = {}, .inference = {}, .batch = 1}}));
  };
  answer(old, 1);
  answer(current, 2);
  const auto results = bench.inbox.results(2);
  ck_assert(!results[0] && results[0].error().kind == Error::Kind::kCancelled);
  ck_assert(results[1] && results[1]->values[0] == 2);
}
END_TEST

START_TEST(cancel_leaves_other_sessions_alone) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kFullBatches), other = bench.engine->open_session(kFullBatches);
  Inbox cancelled;
  ck_assert(bool(session->submit(tagged_picture(1), cancelled.slot(1))));
  bench.local.submit(*other, {2});
  session->cancel();
  other->flush();
  ck_assert(cancelled.all_are(1, Error::Kind::kCancelled));
  ck_assert(bool(bench.local.inbox.results(1)[0]));
}
END_TEST

START_TEST(a_cancelled_session_refuses_until_it_is_resumed) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  session->cancel();
  ck_assert(is(session->submit(tagged_picture(1), bench.local.inbox.slot(1)), Error::Kind::kCancelled));
  session->resume();
  bench.local.submit(*session, {2});
  ck_assert((bench.local.inbox.tags(1) == Tags{2}));
}
END_TEST

START_TEST(cancel_wakes_a_blocked_submit) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.hold_a_batch(*session);
  submit_until_refused(bench.local, *session, Error::Kind::kBusy);
  bool was_cancelled = false;
  {
    std::jthread blocked([&] {
      was_cancelled = is(session->submit(tagged_picture(50), bench.local.inbox.slot(50)), Error::Kind::kCancelled);
    });
    session->cancel();
  }
  ck_assert(was_cancelled);
}
END_TEST

START_TEST(every_accepted_picture_is_completed_once_whatever_happens) {
  RemoteBench bench;
  expect_each_completed_once(bench.engine->open_session({.batch_size = 3, .batch_timeout = {}}),
                             bench.engine->open_session({.batch_size = 1, .outage = Outage::kFail}), [&] {
                               bench.server.reset();
                               bench.serve();
                             });
}
END_TEST

// ---- outages ----

START_TEST(a_session_that_waits_loses_nothing_when_its_server_dies) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kWait, bench.news));
  bench.submit(*session, {1, 2, 3});
  bench.next<remote::Submit>();
  bench.next<remote::Submit>();
  bench.die();
  bench.news.wait_for(1);
  bench.submit(*session, {4});

  const Bench next;
  const ServerThread server(next.engine, bench.address);
  ck_assert((bench.inbox.tags(4) == Tags{1, 2, 3, 4}));
  for (const auto& result : bench.inbox.results(4)) ck_assert(bool(result));
}
END_TEST

START_TEST(what_was_flushed_is_flushed_again_at_the_next_server) {
  RawBench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1});
  session->flush();
  bench.next<remote::Flush>();
  bench.die();

  const Bench next;
  const ServerThread server(next.engine, bench.address);
  ck_assert(bool(bench.inbox.results(1)[0]));
}
END_TEST

START_TEST(a_session_that_does_not_wait_fails_while_there_is_no_server) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kFail, bench.news));
  bench.submit(*session, {1, 2});
  bench.next<remote::Submit>();
  bench.die();
  ck_assert(bench.inbox.all_are(2, Error::Kind::kUnavailable));
  expect_error(session->submit(tagged_picture(3), bench.inbox.slot(3)), Error::Kind::kUnavailable,
               {bench.address, "has gone"});

  const Bench next;
  const ServerThread server(next.engine, bench.address);
  const auto news = bench.news.wait_for(2);
  ck_assert_ptr_nonnull(strstr(news[0].c_str(), "has gone"));
  ck_assert_str_eq(news[1].c_str(), "back");
  bench.submit(*session, {4});
  ck_assert(bool(bench.inbox.results(3)[2]));
}
END_TEST

START_TEST(an_outage_wakes_a_blocked_submit_that_does_not_wait) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kFail, bench.news));
  for (Status status = ok(); status;)
    status = session->submit(tagged_picture(1), [](Result<Embedding>) {}, WhenFull::kRefuse);
  std::promise<Status> ended;
  std::jthread blocked([&] { ended.set_value(session->submit(tagged_picture(1), [](Result<Embedding>) {})); });
  bench.die();
  ck_assert(is(ended.get_future().get(), Error::Kind::kUnavailable));
}
END_TEST

START_TEST(a_server_that_ends_answers_what_it_has_first) {
  RemoteBench bench;
  News news;
  const auto session = bench.engine->open_session(single_pictures(Outage::kFail, news));
  bench.local.hold_a_batch(*session);
  std::jthread ending([&] { bench.server.reset(); });
  bench.local.script->release();
  ck_assert(bool(bench.local.inbox.results(1)[0]));
  news.wait_for(1);
}
END_TEST

START_TEST(a_server_with_another_model_is_not_taken_for_the_same) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kFail, bench.news));
  bench.die();
  bench.news.wait_for(1);
  bench.server.emplace(bench.address);
  EngineInfo other = served_info();
  other.model = "large";
  other.dim = 768;
  bench.server->welcome_client(other);
  const std::string reason = bench.news.wait_for(2)[1];
  ck_assert_msg(reason.find("now serves large in fp32, 768 floats") != reason.npos, "%s", reason.c_str());
  expect_error(session->submit(tagged_picture(1), bench.inbox.slot(1)), Error::Kind::kUnavailable, {"large", "tiny"});

  bench.peer.emplace(bench.server->welcome_client(served_info()));
  ck_assert(bench.news.wait_for(3)[2] == "back");
}
END_TEST

START_TEST(a_server_that_talks_nonsense_is_left) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kFail, bench.news));
  bench.peer->send(remote::encode(remote::Answer{0, 7, Error{Error::Kind::kFailed, "?"}}));
  const std::string reason = bench.news.wait_for(1)[0];
  ck_assert_msg(reason.find("an answer to nothing") != reason.npos, "%s", reason.c_str());
  while (bench.peer->receive()) {
  }
}
END_TEST

// ---- who closes what ----

START_TEST(a_session_keeps_its_engine_open) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.engine.reset();
  bench.local.submit(*session, {1});
  ck_assert(bool(bench.local.inbox.results(1)[0]));
}
END_TEST

START_TEST(destroying_a_session_cancels_it_here_and_at_the_server) {
  RawBench bench;
  auto session = bench.engine->open_session(kFullBatches);
  bench.submit(*session, {1});
  bench.next<remote::Submit>();
  session.reset();
  ck_assert_uint_eq(bench.inbox.count(), 1);
  ck_assert(bench.inbox.all_are(1, Error::Kind::kCancelled));
  ck_assert_uint_eq(bench.next<remote::CloseSession>().session, 0);
}
END_TEST

START_TEST(the_last_reference_closes_the_connection) {
  RawBench bench;
  bench.engine.reset();
  ck_assert(!bench.peer->receive());
}
END_TEST

START_TEST(an_engine_may_go_while_it_looks_for_a_server) {
  RawBench bench;
  auto session = bench.engine->open_session(single_pictures(Outage::kWait, bench.news));
  bench.submit(*session, {1});
  bench.die();
  bench.news.wait_for(1);
  session.reset();
  bench.engine.reset();
  ck_assert(bench.inbox.all_are(1, Error::Kind::kCancelled));
}
END_TEST

START_TEST(an_engine_may_go_while_a_server_is_silent) {
  RawBench bench;
  const auto session = bench.engine->open_session(single_pictures(Outage::kWait, bench.news));
  bench.die();
  const auto silent = expect_value(remote::Listener::open(bench.address));
  remote::wait_readable(silent.fd(), -1, kNever);
  bench.engine.reset();
}
END_TEST

START_TEST(a_completion_may_destroy_its_session_and_its_engine) {
  RemoteBench bench;
  auto session = bench.engine->open_session(kFullBatches);
  std::promise<void> destroyed;
  ck_assert(bool(session->submit(tagged_picture(0), [&](Result<Embedding>) {
    session.reset();
    destroyed.set_value();
  })));
  Session& last = *session;
  bench.engine.reset();
  bench.local.submit(last, {1, 2});
  last.flush();
  destroyed.get_future().wait();
  ck_assert_uint_eq(bench.local.inbox.count(), 2);
}
END_TEST

START_TEST(the_news_of_an_outage_may_destroy_the_session_and_its_engine) {
  RawBench bench;
  std::unique_ptr<Session> session;
  std::promise<void> destroyed;
  session = bench.engine->open_session({.availability_changed = [&](const Status&) {
    session.reset();
    destroyed.set_value();
  }});
  bench.submit(*session, {1});
  bench.engine.reset();
  bench.die();
  destroyed.get_future().wait();
  ck_assert(bench.inbox.all_are(1, Error::Kind::kCancelled));
}
END_TEST

int main() {
  return run_suite("remote_end", {cancel_does_not_wait_for_the_server,
                                  what_the_server_holds_of_a_cancelled_session_is_not_run,
                                  a_result_that_comes_after_cancel_is_thrown_away,
                                  cancel_leaves_other_sessions_alone,
                                  a_cancelled_session_refuses_until_it_is_resumed,
                                  cancel_wakes_a_blocked_submit,
                                  every_accepted_picture_is_completed_once_whatever_happens,
                                  a_session_that_waits_loses_nothing_when_its_server_dies,
                                  what_was_flushed_is_flushed_again_at_the_next_server,
                                  a_session_that_does_not_wait_fails_while_there_is_no_server,
                                  an_outage_wakes_a_blocked_submit_that_does_not_wait,
                                  a_server_that_ends_answers_what_it_has_first,
                                  a_server_with_another_model_is_not_taken_for_the_same,
                                  a_server_that_talks_nonsense_is_left,
                                  a_session_keeps_its_engine_open,
                                  destroying_a_session_cancels_it_here_and_at_the_server,
                                  the_last_reference_closes_the_connection,
                                  an_engine_may_go_while_it_looks_for_a_server,
                                  an_engine_may_go_while_a_server_is_silent,
                                  a_completion_may_destroy_its_session_and_its_engine,
                                  the_news_of_an_outage_may_destroy_the_session_and_its_engine});
}
