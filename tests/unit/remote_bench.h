// An engine on a fake tower, offered at a socket of the test's own; an engine of a client; and either end played by the
// test itself, frame by frame.
#pragma once

#include <glib.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <thread>

#include "lib/engine/remote/engine_server.h"
#include "lib/engine/remote/frame_stream.h"
#include "lib/engine/remote/protocol.h"
#include "lib/engine/remote/remote_engine.h"
#include "lib/engine/remote/socket.h"
#include "tests/unit/engine_bench.h"
#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"

namespace clipembed::test {

inline constexpr auto kNever = std::chrono::steady_clock::time_point::max();

class ServerThread {
 public:
  ServerThread(std::shared_ptr<Engine> engine, const std::string& address)
      : server_(expect_value(remote::EngineServer::open(std::move(engine), address))),
        thread_([this] { server_->run(); }) {}
  ~ServerThread() { server_->stop(); }
  void add_client(remote::Fd socket) { server_->add_client(std::move(socket)); }

 private:
  const std::unique_ptr<remote::EngineServer> server_;
  const std::jthread thread_;
};

// Destroyed from the bottom up. A session of a test is destroyed before all of it.
struct RemoteBench {
  const Scratch scratch;
  const std::string address = "unix:" + (scratch.path() / "engine.sock").string();
  Bench local;
  std::unique_ptr<ServerThread> server;
  std::shared_ptr<Engine> engine;

  explicit RemoteBench(std::function<Status(const Tags&)> outcome = {}) : local(std::move(outcome)) {
    serve();
    engine = connect();
  }
  // A server does not end while the tower is held.
  ~RemoteBench() { local.script->release(); }

  void serve() { server = std::make_unique<ServerThread>(local.engine, address); }
  std::shared_ptr<Engine> connect(const std::string& model = "") const {
    return expect_value(remote::open_remote_engine(address, model));
  }
};

// One end of a connection in the test's hand; its functions wait.
class RawPeer {
 public:
  RawPeer(remote::Fd socket, remote::Expectation expectation)
      : socket_(std::move(socket)), reader_(std::move(expectation)) {}

  int fd() const { return socket_.get(); }
  void expect(remote::Expectation expectation) { reader_.expect(std::move(expectation)); }
  // Until the other end has closed the connection, at the latest.
  void send(const remote::Bytes& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t took = ::send(fd(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (took > 0) sent += static_cast<std::size_t>(took);
      if (took < 0 && errno != EAGAIN) return;
      pollfd room{.fd = fd(), .events = POLLOUT, .revents = 0};
      poll(&room, 1, -1);
    }
  }
  // Nothing when the other end has closed the connection.
  std::optional<remote::MessageType> receive() {
    reader_.next();
    while (true) {
      const Result<bool> complete = reader_.read(fd());
      if (!complete) return std::nullopt;
      if (*complete) return reader_.type();
      remote::wait_readable(fd(), -1, kNever);
    }
  }
  remote::FromServer from_server() {
    const auto type = receive();
    ck_assert(type.has_value());
    return expect_value(remote::decode_from_server(*type, reader_.body()));
  }
  remote::FromClient from_client() {
    const auto type = receive();
    ck_assert(type.has_value());
    return expect_value(remote::decode_from_client(*type, reader_.body()));
  }

 private:
  remote::Fd socket_;
  remote::FrameReader reader_;
};

inline RawPeer raw_client(const std::string& address) {
  return {expect_value(remote::connect_to(address)), remote::expect_welcome()};
}

inline RawPeer welcomed_client(const std::string& address) {
  RawPeer peer = raw_client(address);
  peer.send(remote::encode(remote::Hello{}));
  const auto welcome = std::get<remote::Welcome>(peer.from_server());
  peer.expect(remote::expect_answers(welcome.info));
  return peer;
}

// A server that says welcome, and whatever the test makes it say.
class RawServer {
 public:
  explicit RawServer(const std::string& address) : listener_(expect_value(remote::Listener::open(address))) {}
  RawPeer welcome_client(EngineInfo info) {
    remote::wait_readable(listener_.fd(), -1, kNever);
    RawPeer peer(remote::Fd(accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)),
                 remote::expect_hello());
    ck_assert(std::holds_alternative<remote::Hello>(peer.from_client()));
    peer.send(remote::encode(remote::Welcome{.info = info, .max_batch = kMaxBatch}));
    peer.expect(remote::expect_requests(info));
    return peer;
  }

 private:
  remote::Listener listener_;
};

// What sessions are told of an outage.
class News {
 public:
  std::function<void(const Status&)> slot() {
    return [this](const Status& status) {
      const std::lock_guard lock(mutex_);
      news_.push_back(status ? "back" : status.error().message);
      changed_.notify_all();
    };
  }
  // Once there are as many.
  std::vector<std::string> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return news_.size() >= count; });
    return news_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> news_;
};

// tiny_info() as a server tells it.
inline EngineInfo served_info() {
  EngineInfo info = tiny_info();
  info.device = "cpu";
  return info;
}

}  // namespace clipembed::test
