// An engine in another process, with both processes in this one: what it answers, and whom it answers.
#include <filesystem>
#include <fstream>

#include "lib/engine/local_engine.h"
#include "tests/unit/remote_bench.h"

using namespace clipembed;
using namespace clipembed::test;
using remote::open_remote_engine;
using WhenFull = Session::WhenFull;

namespace {

// As many as a client keeps unanswered, of the batch that a server announces for a CPU.
constexpr int kUnanswered = 4 * kMaxBatchCpu;

}  // namespace

// ---- answers ----

START_TEST(it_says_what_it_is) {
  RemoteBench bench;
  const EngineInfo &local = bench.local.engine->info(), &remote = bench.engine->info();
  ck_assert_str_eq(remote.model.c_str(), local.model.c_str());
  ck_assert_str_eq(remote.device.c_str(), "cpu");
  ck_assert(remote.precision == local.precision);
  ck_assert_int_eq(remote.dim, local.dim);
  ck_assert(remote.input == local.input);
}
END_TEST

START_TEST(an_embedding_is_that_of_its_picture) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.local.submit(*session, {7, 8, 9, 10});
  const auto results = bench.local.inbox.results(4);
  for (int i = 0; i < 4; ++i) {
    ck_assert(bool(results[i]));
    ck_assert(results[i]->values == std::vector<float>{7.f + i});
    ck_assert_int_eq(results[i]->batch, 4);
    ck_assert(results[i]->queued.count() >= 0 && results[i]->inference.count() > 0);
  }
}
END_TEST

START_TEST(two_clients_share_a_batch) {
  RemoteBench bench;
  const auto other = bench.connect();
  ck_assert(other != bench.engine);
  const auto a = bench.engine->open_session(kFullBatches), b = other->open_session(kFullBatches);
  bench.local.submit(*a, {1, 2});
  bench.local.submit(*b, {3, 4});
  bench.local.inbox.tags(4);
  ck_assert_uint_eq(bench.local.script->batches().size(), 1);
}
END_TEST

START_TEST(flush_runs_a_short_batch) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kFullBatches);
  bench.local.submit(*session, {1, 2});
  session->flush();
  bench.local.inbox.tags(2);
  ck_assert((bench.local.script->batches() == std::vector<Tags>{{1, 2}}));
}
END_TEST

START_TEST(completions_of_a_session_come_in_order_of_submission) {
  RemoteBench bench;
  const auto a = bench.engine->open_session(kSinglePictures), b = bench.engine->open_session(kSinglePictures);
  Inbox of_b;
  Tags expected;
  for (int tag = 0; tag < 200; ++tag) {
    bench.local.submit(*a, {tag});
    ck_assert(bool(b->submit(tagged_picture(tag), of_b.slot(tag))));
    expected.push_back(tag);
  }
  ck_assert(bench.local.inbox.tags(200) == expected);
  ck_assert(of_b.tags(200) == expected);
}
END_TEST

START_TEST(a_failed_batch_says_why) {
  RemoteBench bench([](const Tags&) { return Status(Error{Error::Kind::kFailed, "out of memory"}); });
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.submit(*session, {1});
  expect_error(bench.local.inbox.results(1)[0], Error::Kind::kFailed, {"out of memory"});
}
END_TEST

START_TEST(a_picture_of_another_size_is_refused) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  ck_assert(is(session->submit(Picture(5), bench.local.inbox.slot(1)), Error::Kind::kSettings));
}
END_TEST

// ---- a full queue ----

START_TEST(a_full_queue_refuses) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.hold_a_batch(*session);
  ck_assert_int_eq(submit_until_refused(bench.local, *session, Error::Kind::kBusy), kUnanswered - 1);
}
END_TEST

START_TEST(a_full_queue_keeps_no_other_session_out) {
  RemoteBench bench;
  const auto greedy = bench.engine->open_session(kSinglePictures), quiet = bench.engine->open_session(kSinglePictures);
  bench.local.hold_a_batch(*greedy);
  submit_until_refused(bench.local, *greedy, Error::Kind::kBusy);
  ck_assert(bool(quiet->submit(tagged_picture(1), bench.local.inbox.slot(1), WhenFull::kRefuse)));
}
END_TEST

START_TEST(a_full_queue_has_room_again_after_a_batch) {
  RemoteBench bench;
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.hold_a_batch(*session);
  const std::size_t accepted = 1 + submit_until_refused(bench.local, *session, Error::Kind::kBusy);
  std::jthread blocked([&] { bench.local.submit(*session, {50}); });
  bench.local.script->release();
  ck_assert_int_eq(bench.local.inbox.tags(accepted + 1).back(), 50);
}
END_TEST

START_TEST(a_completion_never_blocks_on_its_own_queue) {
  RemoteBench bench;
  expect_refusal_in_completion(*bench.engine);
}
END_TEST

// ---- which server, which model ----

START_TEST(no_server_is_an_error_that_says_how_to_start_one) {
  const Scratch scratch;
  const std::string address = "unix:" + (scratch.path() / "absent.sock").string();
  expect_error(open_remote_engine(address, ""), Error::Kind::kNotFound,
               {"no engine server at " + address, "clipembed serve-engine --listen " + address});
}
END_TEST

START_TEST(an_address_of_another_form_is_an_error) {
  for (const char* address : {"tcp:localhost:80", "unix:", "/run/engine.sock", ""})
    expect_error(open_remote_engine(address, ""), Error::Kind::kSettings, {"unix:PATH"});
  expect_error(open_remote_engine("unix:/" + std::string(120, 'x'), ""), Error::Kind::kSettings, {"107 bytes"});
}
END_TEST

START_TEST(the_model_that_is_served_may_be_named) {
  RemoteBench bench;
  ck_assert(bench.connect("tiny")->info().model == "tiny");
}
END_TEST

START_TEST(another_model_is_an_error_that_names_both) {
  RemoteBench bench;
  expect_error(open_remote_engine(bench.address, "owner/other"), Error::Kind::kSettings, {"tiny", "owner/other"});
}
END_TEST

START_TEST(a_directory_may_be_named_by_another_path) {
  RemoteBench bench;
  const auto directory = bench.scratch.path() / "model";
  std::filesystem::create_directory(directory);
  EngineInfo info = tiny_info();
  info.model = directory / ".." / "model";
  const auto engine = expect_value(open_local_engine(
      info, [&] { return Result<std::unique_ptr<VisionTower>>(std::make_unique<FakeTower>(bench.local.script)); }));
  const std::string address = "unix:" + (bench.scratch.path() / "other.sock").string();
  const ServerThread server(engine, address);
  const auto shared = expect_value(shared_engine({.model = directory, .tower = {}, .server = address}));
  ck_assert_str_eq(shared->info().model.c_str(), info.model.c_str());
}
END_TEST

START_TEST(sessions_of_a_process_share_the_connection) {
  RemoteBench bench;
  const EngineOptions options{.model = {}, .tower = {}, .server = bench.address};
  ck_assert(expect_value(shared_engine(options)) == expect_value(shared_engine(options)));
}
END_TEST

int main() {
  return run_suite(
      "remote_engine",
      {it_says_what_it_is, an_embedding_is_that_of_its_picture, two_clients_share_a_batch, flush_runs_a_short_batch,
       completions_of_a_session_come_in_order_of_submission, a_failed_batch_says_why,
       a_picture_of_another_size_is_refused, a_full_queue_refuses, a_full_queue_keeps_no_other_session_out,
       a_full_queue_has_room_again_after_a_batch, a_completion_never_blocks_on_its_own_queue,
       no_server_is_an_error_that_says_how_to_start_one, an_address_of_another_form_is_an_error,
       the_model_that_is_served_may_be_named, another_model_is_an_error_that_names_both,
       a_directory_may_be_named_by_another_path, sessions_of_a_process_share_the_connection});
}
