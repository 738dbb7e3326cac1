#include "lib/engine/remote/engine_server.h"

#include <glib.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "lib/engine/local_engine.h"
#include "lib/model/model.h"

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxClients = 128;
constexpr auto kDrain = std::chrono::seconds(10);
constexpr auto kAcceptAgain = std::chrono::seconds(1);

// The label, the commit, and the folder.
std::vector<std::string> names_of(const EngineInfo& info) {
  std::string commit = info.model;
  if (!info.revision.empty()) commit = info.model.substr(0, info.model.find('@')) + "@" + info.revision;
  std::vector<std::string> names = {info.model, commit};
  if (const Result<ModelLocation> location = find_model(commit)) {
    std::error_code unreadable;
    const auto canonical = std::filesystem::canonical(location->directory, unreadable);
    if (!unreadable) names.push_back(canonical);
  }
  return names;
}

void log_end(const Peer& peer, const Error& why) {
  g_warning("engine server: the connection of process %d was ended: %s", static_cast<int>(peer.process),
            why.message.c_str());
}

}  // namespace

Result<std::unique_ptr<EngineServer>> EngineServer::open(const std::shared_ptr<Engine>& engine,
                                                         const std::string& address) try {
  std::unique_ptr<Listener> listener;
  if (!address.empty()) {
    Result<Listener> opened = Listener::open(address);
    if (!opened) return std::move(opened).error();
    listener = std::make_unique<Listener>(*std::move(opened));
  }
  return std::unique_ptr<EngineServer>(new EngineServer(engine, std::move(listener)));
} catch (const std::system_error& no_descriptor) {
  return Error{Kind::kFailed, std::string("the engine server cannot start: ") + no_descriptor.what()};
}

EngineServer::EngineServer(const std::shared_ptr<Engine>& engine, std::unique_ptr<Listener> listener)
    : service_{.engine = engine,
               .names = names_of(engine->info()),
               .max_batch = engine->info().device == "cpu" ? kMaxBatchCpu : kMaxBatchGpu,
               .answered = {}},
      listener_(std::move(listener)) {}

void EngineServer::add_client(Fd socket) {
  {
    const std::lock_guard lock(added_mutex_);
    added_.push_back(std::move(socket));
  }
  client_added_.ring();
}

void EngineServer::run() {
  while (!draining_ || (!clients_.empty() && Clock::now() < end_)) {
    wait();
    serve_clients();
  }
  for (const Client& client : clients_)
    log_end(client.connection->peer(), {Kind::kFailed, "it did not read its answers while the server ended"});
  clients_.clear();
}

// Until something can be done, which it notes with the clients. Takes new ones in, and begins to drain when asked to.
void EngineServer::wait() {
  const bool accepting = listener_ && Clock::now() >= accept_from_;
  std::vector<pollfd> fds = {{.fd = service_.answered.fd(), .events = POLLIN, .revents = 0},
                             {.fd = draining_ ? -1 : stop_.fd(), .events = POLLIN, .revents = 0},
                             {.fd = accepting ? listener_->fd() : -1, .events = POLLIN, .revents = 0},
                             {.fd = client_added_.fd(), .events = POLLIN, .revents = 0}};
  const std::size_t first_client = fds.size();
  for (const Client& client : clients_)
    fds.push_back({.fd = client.connection->fd(), .events = client.connection->events(), .revents = 0});

  poll(fds.data(), fds.size(), poll_timeout(listener_ && !accepting ? accept_from_ : end_));
  if (fds[0].revents) service_.answered.clear();
  for (std::size_t i = 0; i < clients_.size(); ++i) clients_[i].events = fds[first_client + i].revents;
  if (fds[3].revents) take_added_clients();
  if (fds[1].revents) {
    drain();
  } else if (fds[2].revents) {
    accept_client();
  }
}

void EngineServer::serve_clients() {
  std::erase_if(clients_, [&](const Client& client) {
    const Status status = client.connection->serve(client.events);
    if (!status && status.error().kind != Kind::kUnavailable) log_end(client.connection->peer(), status.error());
    return !status || (draining_ && client.connection->idle());
  });
}

void EngineServer::take_added_clients() {
  client_added_.clear();
  std::vector<Fd> added;
  {
    const std::lock_guard lock(added_mutex_);
    added.swap(added_);
  }
  if (draining_) return;
  for (Fd& socket : added) {
    if (const Result<Peer> peer = peer_of(socket.get()))
      clients_.push_back({std::make_unique<ClientConnection>(std::move(socket), *peer, service_)});
  }
}

void EngineServer::accept_client() {
  Fd socket(accept4(listener_->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.get() < 0) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    g_warning("engine server: cannot take a client in: %s", std::generic_category().message(errno).c_str());
    accept_from_ = Clock::now() + kAcceptAgain;
    return;
  }
  const Result<Peer> peer = peer_of(socket.get());
  if (!peer) return;
  Status accepted = ok();
  if (!peer->trusted()) {
    accepted = Error{Kind::kSettings, "the engine server serves only processes of its own user"};
  } else if (clients_.size() >= kMaxClients) {
    accepted = Error{Kind::kBusy, "the engine server has " + std::to_string(kMaxClients) + " clients already"};
  }
  if (!accepted) {
    refuse(socket.get(), accepted.error());
    return log_end(*peer, accepted.error());
  }
  clients_.push_back({std::make_unique<ClientConnection>(std::move(socket), *peer, service_)});
}

void EngineServer::drain() {
  draining_ = true;
  listener_.reset();
  end_ = Clock::now() + kDrain;
  for (const Client& client : clients_) client.connection->drain();
}

}  // namespace clipembed::remote
