#include "tools/clipembedd/engine_host.h"

#include <glib.h>
#include <poll.h>

#include <thread>
#include <utility>
#include <vector>

#include "lib/engine/remote/engine_server.h"
#include "lib/engine/remote/socket.h"
#include "tools/clipembedd/observed_engine.h"
#include "tools/clipembedd/timer.h"

namespace clipembed {
namespace {

using Kind = Error::Kind;
using Loaded = Result<std::shared_ptr<Engine>>;

bool is_closed(const remote::Fd& socket) {
  pollfd fd{.fd = socket.get(), .events = 0, .revents = 0};
  return poll(&fd, 1, 0) > 0 && (fd.revents & (POLLHUP | POLLERR)) != 0;
}

// An engine server and the thread that it runs on.
class RunningServer {
 public:
  explicit RunningServer(std::unique_ptr<remote::EngineServer> server)
      : server_(std::move(server)), thread_([this] { server_->run(); }) {}
  ~RunningServer() { server_->stop(); }
  void add_client(remote::Fd socket) { server_->add_client(std::move(socket)); }

 private:
  const std::unique_ptr<remote::EngineServer> server_;
  const std::jthread thread_;
};

}  // namespace

// shared_ptr: what the loading thread leaves for the main loop may come when the host has gone.
class EngineHost::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(EngineHostOptions options) : options_(std::move(options)) {}

  void load() {
    loading_ = std::jthread([self = weak_from_this(), options = options_.engine] {
      auto* outcome = new Outcome{self, shared_engine(options)};
      // Not g_main_context_invoke(), which calls it here and now where the main loop is not running yet, or any more.
      g_idle_add_full(G_PRIORITY_DEFAULT, take_outcome, outcome, nullptr);
    });
  }

  void close() {
    if (loading_.joinable()) loading_.join();
    retry_.stop();
    server_.reset();
    waiting_.clear();
    engine_.reset();
  }

  Result<FileDescriptor> connect() {
    if (!options_.engine.server.empty()) {
      Result<remote::Fd> socket = remote::connect_to(options_.engine.server);
      if (!socket) return std::move(socket).error();
      return FileDescriptor(socket->release());
    }
    Result<remote::SocketPair> pair = remote::connected_pair();
    if (!pair) return Error{Kind::kBusy, pair.error().message};
    if (server_) {
      server_->add_client(std::move(pair->server));
    } else {
      std::erase_if(waiting_, is_closed);
      waiting_.push_back(std::move(pair->server));
    }
    return FileDescriptor(pair->client.release());
  }

  State state() const { return state_; }
  std::optional<EngineInfo> info() const { return engine_ ? std::optional(engine_->info()) : std::nullopt; }
  const std::string& trouble() const { return trouble_; }

  std::function<void()> state_changed;

 private:
  struct Outcome {
    std::weak_ptr<Impl> host;
    Loaded loaded;
  };

  static gboolean take_outcome(gpointer data) {
    const std::unique_ptr<Outcome> outcome(static_cast<Outcome*>(data));
    if (const auto host = outcome->host.lock()) host->take(std::move(outcome->loaded));
    return G_SOURCE_REMOVE;
  }

  void take(Loaded loaded) {
    if (Status served = loaded ? serve(*loaded) : Status(loaded.error()); !served) {
      state_ = State::kFailed;
      trouble_ = served.error().message;
      retry_.start(options_.try_again, [this] { load(); });
    } else {
      state_ = State::kLoaded;
      trouble_.clear();
    }
    if (state_changed) state_changed();
  }

  Status serve(const std::shared_ptr<Engine>& engine) {
    if (options_.engine.server.empty()) {
      auto server = remote::EngineServer::open(observed_engine(engine, options_.observe), options_.socket);
      if (!server) return std::move(server).error();
      server_ = std::make_unique<RunningServer>(*std::move(server));
      for (remote::Fd& socket : waiting_) server_->add_client(std::move(socket));
      waiting_.clear();
    }
    engine_ = engine;
    return ok();
  }

  const EngineHostOptions options_;
  State state_ = State::kLoading;
  std::string trouble_;
  std::shared_ptr<Engine> engine_;
  std::unique_ptr<RunningServer> server_;
  std::vector<remote::Fd> waiting_;  // ends of clients that came before the engine
  std::jthread loading_;
  Timer retry_;
};

EngineHost::EngineHost(EngineHostOptions options) : impl_(std::make_shared<Impl>(std::move(options))) { impl_->load(); }
EngineHost::~EngineHost() { impl_->close(); }
Result<FileDescriptor> EngineHost::connect() { return impl_->connect(); }
EngineHost::State EngineHost::state() const { return impl_->state(); }
std::optional<EngineInfo> EngineHost::info() const { return impl_->info(); }
std::string EngineHost::trouble() const { return impl_->trouble(); }
void EngineHost::set_state_changed(std::function<void()> changed) { impl_->state_changed = std::move(changed); }

}  // namespace clipembed
