// An engine server and clients that do not behave; its socket file, and who may use it.
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <random>

#include "tests/unit/remote_bench.h"

using namespace clipembed;
using namespace clipembed::test;
using namespace clipembed::remote;

namespace {

std::atomic<int> log_lines = 0;

void count_log_lines() {
  g_log_set_default_handler([](const char*, GLogLevelFlags, const char*, void*) { ++log_lines; }, nullptr);
}

Submit picture(std::uint64_t session, std::uint64_t request, std::span<const std::uint8_t> bytes) {
  return {session, request, bytes};
}

const Picture kOne = tagged_picture(1);

// Bytes that a client who has been welcomed must not send.
std::vector<Bytes> malformed() {
  const OpenSession open{1, 1, {}};
  Bytes twice = encode(open);
  const Bytes again = encode(open);
  twice.insert(twice.end(), again.begin(), again.end());
  return {encode(Hello{}),
          encode(picture(7, 0, kOne)),
          encode(Flush{7}),
          encode(Cancel{7}),
          encode(CloseSession{7}),
          twice,
          encode(picture(1, 0, Bytes(5))),
          encode(Welcome{.info = served_info()}),
          Bytes(64, 0xff),
          Bytes{'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P'}};
}

// Counts what it holds, and answers when told to.
class HoardingEngine final : public Engine, public std::enable_shared_from_this<HoardingEngine> {
 public:
  const EngineInfo& info() const override { return info_; }
  std::unique_ptr<Session> open_session(const SessionOptions&) override {
    return std::make_unique<Hoard>(shared_from_this());
  }

  void wait_until_held(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return held_.size() >= count; });
  }
  void answer_all() {
    std::vector<Session::Completion> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const auto& done : held) done(Embedding{.values = {1}, .queued = {}, .inference = {}, .batch = 1});
  }
  std::size_t most_held() {
    const std::lock_guard lock(mutex_);
    return most_held_;
  }

 private:
  struct Hoard final : Session {
    explicit Hoard(std::shared_ptr<HoardingEngine> hoarder) : engine(std::move(hoarder)) {}
    Status submit(Picture, Completion done, WhenFull) override {
      const std::lock_guard lock(engine->mutex_);
      engine->held_.push_back(std::move(done));
      engine->most_held_ = std::max(engine->most_held_, engine->held_.size());
      engine->changed_.notify_all();
      return ok();
    }
    void flush() override {}
    void cancel() override {}
    void resume() override {}
    const std::shared_ptr<HoardingEngine> engine;
  };

  const EngineInfo info_ = served_info();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Session::Completion> held_;
  std::size_t most_held_ = 0;
};

// Connects as another user; only this thread becomes one.
Result<Fd> connect_as(uid_t user, const std::string& address) {
  Result<Fd> socket = Error{Error::Kind::kFailed, "not tried"};
  std::jthread([&] {
    ck_assert_int_eq(syscall(SYS_setresuid, -1, user, -1), 0);
    socket = connect_to(address);
  }).join();
  return socket;
}

std::string path_of(const std::string& address) { return expect_value(socket_path(address)); }

}  // namespace

// ---- clients that do not behave ----

START_TEST(malformed_messages_end_their_connection_and_no_other) {
  RemoteBench bench;
  count_log_lines();
  const auto session = bench.engine->open_session(kSinglePictures);
  int expected_lines = 0;
  for (const Bytes& bytes : malformed()) {
    RawPeer peer = welcomed_client(bench.address);
    peer.send(bytes);
    while (peer.receive()) {
    }
    bench.local.submit(*session, {++expected_lines});
    bench.local.inbox.tags(expected_lines);
  }
  bench.server.reset();
  ck_assert_int_eq(log_lines, expected_lines);
}
END_TEST

START_TEST(a_truncated_message_ends_its_connection) {
  RemoteBench bench;
  count_log_lines();
  for (const std::size_t size : {3, 12}) {
    RawPeer peer = welcomed_client(bench.address);
    Bytes bytes = encode(OpenSession{1, 1, {}});
    bytes.resize(size);
    peer.send(bytes);
    shutdown(peer.fd(), SHUT_WR);
    ck_assert(!peer.receive());
  }
  bench.server.reset();
  ck_assert_int_eq(log_lines, 2);
}
END_TEST

START_TEST(damaged_conversations_are_survived) {
  RemoteBench bench;
  count_log_lines();
  Bytes conversation;
  const auto say = [&](const Bytes& frame) { conversation.insert(conversation.end(), frame.begin(), frame.end()); };
  say(encode(Hello{}));
  say(encode(OpenSession{1, 1, {}}));
  for (std::uint64_t request = 0; request < 4; ++request) say(encode(picture(1, request, kOne)));
  say(encode(Flush{1}));
  say(encode(Cancel{1}));
  say(encode(CloseSession{1}));
  std::minstd_rand random(20260302);
  for (int round = 0; round < 500; ++round) {
    Bytes damaged = conversation;
    for (std::size_t changes = random() % 3; changes > 0; --changes)
      damaged[random() % damaged.size()] ^= 1 << (random() % 8);
    damaged.resize(damaged.size() - random() % 8);
    RawPeer peer = raw_client(bench.address);
    peer.expect({{MessageType::kWelcome, 0, 1000},
                 {MessageType::kRefusal, 0, 1000},
                 {MessageType::kAnswer, 0, 1000},
                 {MessageType::kFailure, 0, 1000}});
    peer.send(damaged);
    shutdown(peer.fd(), SHUT_WR);
    while (peer.receive()) {
    }
  }
  const auto session = bench.engine->open_session(kSinglePictures);
  bench.local.submit(*session, {1});
  ck_assert(bool(bench.local.inbox.results(1)[0]));
}
END_TEST

START_TEST(a_client_that_does_not_read_holds_nobody_up) {
  RemoteBench bench;
  // One answer is more than a socket takes.
  EngineInfo info = tiny_info();
  info.dim = kMaxDim;
  const auto script = std::make_shared<TowerScript>();
  const auto wide = expect_value(open_local_engine(
      info, [&] { return Result<std::unique_ptr<VisionTower>>(std::make_unique<FakeTower>(script)); }));
  const std::string address = "unix:" + (bench.scratch.path() / "wide.sock").string();
  {
    const ServerThread server(wide, address);
    RawPeer deaf = welcomed_client(address);
    deaf.send(encode(OpenSession{1, 1, {}}));
    for (std::uint64_t request = 0; request < 100; ++request) deaf.send(encode(picture(1, request, kOne)));
    const auto session = expect_value(open_remote_engine(address, ""))->open_session(kSinglePictures);
    Inbox inbox;
    for (int tag = 0; tag < 20; ++tag) {
      ck_assert(bool(session->submit(tagged_picture(tag), inbox.slot(tag))));
      ck_assert(bool(inbox.results(tag + 1)[tag]));
    }
  }
}
END_TEST

START_TEST(pictures_in_flight_of_a_connection_are_bounded) {
  const Scratch scratch;
  const std::string address = "unix:" + (scratch.path() / "engine.sock").string();
  const auto engine = std::make_shared<HoardingEngine>();
  const ServerThread server(engine, address);
  RawPeer peer = welcomed_client(address);
  peer.send(encode(OpenSession{1, 1, {}}));
  std::jthread sending([&] {
    for (std::uint64_t request = 0; request < 500; ++request) peer.send(encode(picture(1, request, kOne)));
  });
  constexpr std::size_t kInFlight = 4 * kMaxBatchCpu;
  for (int answered = 0; answered < 500;) {
    const std::size_t held = std::min<std::size_t>(kInFlight, 500 - answered);
    engine->wait_until_held(held);
    engine->answer_all();
    for (std::size_t i = 0; i < held; ++i, ++answered)
      ck_assert(std::get<Answer>(peer.from_server()).result.operator bool());
  }
  ck_assert_uint_eq(engine->most_held(), kInFlight);
}
END_TEST

START_TEST(another_version_is_told_which_is_spoken) {
  RemoteBench bench;
  RawPeer peer = raw_client(bench.address);
  peer.send(encode(Hello{.version = kVersion + 1, .model = {}}));
  const auto refusal = std::get<Refusal>(peer.from_server());
  ck_assert(refusal.error.kind == Error::Kind::kLibrary);
  ck_assert_msg(refusal.error.message.find("speaks version 1") != std::string::npos, "%s",
                refusal.error.message.c_str());
  ck_assert(!peer.receive());
}
END_TEST

START_TEST(one_client_too_many_is_told_so) {
  RemoteBench bench;
  count_log_lines();
  std::vector<RawPeer> clients;
  for (int i = 1; i < 128; ++i) clients.push_back(welcomed_client(bench.address));
  expect_error(open_remote_engine(bench.address, ""), Error::Kind::kBusy, {"128 clients"});
}
END_TEST

START_TEST(another_users_client_is_refused) {
  constexpr uid_t kNobody = 65534;
  if (geteuid() != 0) {
    std::puts("SKIP: only root can be another user");
    return;
  }
  RemoteBench bench;
  count_log_lines();
  // As if its owner had opened it to all.
  std::filesystem::permissions(bench.scratch.path(), std::filesystem::perms::all);
  std::filesystem::permissions(path_of(bench.address), std::filesystem::perms::all);
  RawPeer peer(expect_value(connect_as(kNobody, bench.address)), expect_welcome());
  const auto refusal = std::get<Refusal>(peer.from_server());
  ck_assert(refusal.error.kind == Error::Kind::kSettings);
  ck_assert_msg(refusal.error.message.find("its own user") != std::string::npos, "%s", refusal.error.message.c_str());
}
END_TEST

START_TEST(ones_own_user_and_root_are_trusted) {
  ck_assert((Peer{1, geteuid()}.trusted()));
  ck_assert((Peer{1, 0}.trusted()));
  ck_assert(!(Peer{1, geteuid() + 1}.trusted()));
}
END_TEST

// ---- the socket ----

START_TEST(the_socket_is_its_owners_alone_and_goes_with_the_server) {
  RemoteBench bench;
  struct stat file{};
  ck_assert_int_eq(lstat(path_of(bench.address).c_str(), &file), 0);
  ck_assert_uint_eq(file.st_mode & 07777, 0600);
  bench.server.reset();
  ck_assert(!std::filesystem::exists(path_of(bench.address)));
}
END_TEST

START_TEST(a_dead_servers_socket_is_replaced) {
  RemoteBench bench;
  bench.server.reset();
  const Fd dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path_of(bench.address).copy(address.sun_path, sizeof address.sun_path);
  ck_assert_int_eq(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  bench.serve();
  ck_assert_ptr_nonnull(bench.connect().get());
}
END_TEST

START_TEST(a_live_servers_socket_is_left_alone) {
  RemoteBench bench;
  expect_error(EngineServer::open(bench.local.engine, bench.address), Error::Kind::kSettings,
               {bench.address, "already"});
  ck_assert_ptr_nonnull(bench.connect().get());
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone) {
  RemoteBench bench;
  const auto file = bench.scratch.path() / "precious";
  write_file(file, "data");
  expect_error(EngineServer::open(bench.local.engine, "unix:" + file.string()), Error::Kind::kSettings,
               {file.string(), "no socket"});
  ck_assert(read_file(file) == "data");
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error) {
  RemoteBench bench;
  const std::string path = bench.scratch.path() / "absent" / "engine.sock";
  expect_error(EngineServer::open(bench.local.engine, "unix:" + path), Error::Kind::kFailed, {path, "No such file"});
}
END_TEST

int main() {
  return run_suite("remote_server",
                   {malformed_messages_end_their_connection_and_no_other, a_truncated_message_ends_its_connection,
                    damaged_conversations_are_survived, a_client_that_does_not_read_holds_nobody_up,
                    pictures_in_flight_of_a_connection_are_bounded, another_version_is_told_which_is_spoken,
                    one_client_too_many_is_told_so, another_users_client_is_refused, ones_own_user_and_root_are_trusted,
                    the_socket_is_its_owners_alone_and_goes_with_the_server, a_dead_servers_socket_is_replaced,
                    a_live_servers_socket_is_left_alone, a_file_that_is_no_socket_is_left_alone,
                    a_folder_that_is_not_there_is_an_error});
}
