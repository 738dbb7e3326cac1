// Connections that a process was given instead of an address: EngineServer::add_client() and "fd:N".
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/remote_bench.h"

using namespace clipembed;
using namespace clipembed::test;
using namespace clipembed::remote;

namespace {

std::string address_of(int number) { return "fd:" + std::to_string(number); }

// What a process that is started would have: a descriptor that nobody in it owns yet.
std::string inherit(Fd end) { return address_of(dup(end.get())); }

struct Pathless {
  Bench local;
  std::unique_ptr<ServerThread> server = std::make_unique<ServerThread>(local.engine, "");

  ~Pathless() { local.script->release(); }
  std::string new_client() {
    SocketPair pair = expect_value(connected_pair());
    server->add_client(std::move(pair.server));
    return inherit(std::move(pair.client));
  }
};

}  // namespace

START_TEST(an_inherited_connection_is_served_without_a_path) {
  Pathless bench;
  const auto engine = expect_value(open_remote_engine(bench.new_client(), ""));
  const auto session = engine->open_session(kSinglePictures);
  bench.local.submit(*session, {1, 2, 3});
  for (const auto& result : bench.local.inbox.results(3)) ck_assert(bool(result));
}
END_TEST

START_TEST(a_server_that_comes_later_is_waited_for) {
  Bench local;
  SocketPair pair = expect_value(connected_pair());
  std::promise<Result<std::shared_ptr<Engine>>> opened;
  const std::jthread opening(
      [&, address = inherit(std::move(pair.client))] { opened.set_value(open_remote_engine(address, "")); });
  ServerThread server(local.engine, "");
  server.add_client(std::move(pair.server));
  ck_assert_ptr_nonnull(expect_value(opened.get_future().get()).get());
}
END_TEST

START_TEST(a_giver_that_closes_its_end_is_an_error) {
  SocketPair pair = expect_value(connected_pair());
  const std::string address = inherit(std::move(pair.client));
  pair.server = Fd();
  expect_error(open_remote_engine(address, ""), Error::Kind::kUnavailable, {address});
}
END_TEST

START_TEST(a_number_is_used_once) {
  Pathless bench;
  const std::string address = bench.new_client();
  const auto engine = expect_value(open_remote_engine(address, ""));
  expect_error(open_remote_engine(address, ""), Error::Kind::kNotFound, {address, "used up"});
}
END_TEST

START_TEST(what_is_no_connection_is_refused) {
  const Fd file(open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd unconnected(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (const std::string& address : {address_of(file.get()), address_of(unconnected.get()), address_of(-1),
                                     address_of(99999), std::string("fd:"), std::string("fd:0x"), std::string("fd:3 ")})
    expect_error(open_remote_engine(address, ""), Error::Kind::kSettings, {address});
}
END_TEST

// Nobody can connect it again, so even those who would wait for a server are told.
START_TEST(when_it_is_gone_pictures_fail_at_once) {
  Pathless bench;
  const auto engine = expect_value(open_remote_engine(bench.new_client(), ""));
  const auto session = engine->open_session({.batch_size = 1, .outage = SessionOptions::Outage::kWait});
  bench.local.submit(*session, {1});
  ck_assert(bool(bench.local.inbox.results(1)[0]));
  bench.server.reset();
  Status accepted = ok();
  while (accepted) accepted = session->submit(tagged_picture(2), [](const Result<Embedding>&) {});
  ck_assert(accepted.error().kind == Error::Kind::kUnavailable);
}
END_TEST

int main() {
  return run_suite("remote_inherited",
                   {an_inherited_connection_is_served_without_a_path, a_server_that_comes_later_is_waited_for,
                    a_giver_that_closes_its_end_is_an_error, a_number_is_used_once, what_is_no_connection_is_refused,
                    when_it_is_gone_pictures_fail_at_once});
}
