#include "tools/clipembedd/http/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

using namespace std::chrono_literals;

constexpr guint kTickMilliseconds = 200;
constexpr auto kLastWords = 2s;  // for clients of what was cancelled to be told
constexpr char kExchange[] = "clipembed-exchange";

std::shared_ptr<Exchange> exchange_of(SoupServerMessage* message) {
  auto* exchange = static_cast<std::shared_ptr<Exchange>*>(g_object_get_data(G_OBJECT(message), kExchange));
  return exchange ? *exchange : nullptr;
}

ConnectionLimits connection_limits(const Configuration& configuration) {
  return {.framing = {.header_bytes = configuration.max_header},
          .header_timeout = configuration.header_timeout,
          .body_timeout = configuration.body_timeout,
          .idle_timeout = configuration.idle_timeout,
          .write_timeout = configuration.write_timeout,
          .min_rate = configuration.min_rate};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::open(const Configuration& configuration, MediaService& service,
                                                     Metrics& metrics, AccessLog& log) {
  std::unique_ptr<HttpServer> server(new HttpServer(configuration, service, metrics, log));
  if (Status status = server->start(configuration); !status) return status.error();
  return server;
}

HttpServer::HttpServer(const Configuration& configuration, MediaService& service, Metrics& metrics, AccessLog& log)
    : state_{.configuration = configuration, .service = service, .metrics = metrics, .log = log},
      connection_limits_(connection_limits(configuration)) {}

Status HttpServer::start(const Configuration& configuration) {
  if (!configuration.api_key_file.empty()) {
    Result<ApiKeys> keys = ApiKeys::read(configuration.api_key_file);
    if (!keys) return keys.error();
    state_.keys = *std::move(keys);
  }
  if (!configuration.media_root.empty()) {
    Result<MediaRoot> root = MediaRoot::open(configuration.media_root);
    if (!root) return root.error();
    state_.media_root = *std::move(root);
  }
  if (Status status = start_soup(); !status) return status.error();
  Listener::Callbacks callbacks{
      .accepted = [this](GObjectPtr<GSocket> socket) { accepted(std::move(socket)); },
      .exhausted =
          [this] {
            state_.metrics.rejected("no_descriptors");
            make_room(16);
          },
  };
  Result<std::unique_ptr<Listener>> listener = Listener::open(configuration.listen, std::move(callbacks));
  if (!listener) return listener.error();
  listener_ = *std::move(listener);
  addresses_ = listener_->addresses();
  const auto tick = +[](gpointer self) -> gboolean {
    static_cast<HttpServer*>(self)->tick();
    return G_SOURCE_CONTINUE;
  };
  tick_ = g_timeout_add(kTickMilliseconds, tick, this);
  return ok();
}

HttpServer::~HttpServer() {
  if (tick_ != 0) g_source_remove(tick_);
  for (auto& [address, client] : clients_)
    if (const auto exchange = client.exchange.lock()) exchange->ended(false);
  if (soup_) soup_server_disconnect(soup_.get());
}

// ---- libsoup ------------------------------------------------------------------------------------------------------

// libsoup (3.6) keeps connections open between requests only while it listens itself, which is the Listener's here: it
// gets one end of a pair on which nothing ever comes.
Status HttpServer::start_soup() {
  soup_.reset(soup_server_new("server-header", "clipembedd", "raw-paths", TRUE, nullptr));
  const auto early = +[](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer self) {
    static_cast<HttpServer*>(self)->headers_arrived(message);
  };
  const auto arrived = +[](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer) {
    if (const auto exchange = exchange_of(message)) exchange->arrived();
  };
  soup_server_add_early_handler(soup_.get(), nullptr, early, this, nullptr);
  soup_server_add_handler(soup_.get(), nullptr, arrived, this, nullptr);
  const auto finished = +[](SoupServer*, SoupServerMessage* message, gpointer) { ended(message, true); };
  const auto aborted = +[](SoupServer*, SoupServerMessage* message, gpointer) { ended(message, false); };
  g_signal_connect(soup_.get(), "request-finished", G_CALLBACK(finished), nullptr);
  g_signal_connect(soup_.get(), "request-aborted", G_CALLBACK(aborted), nullptr);

  int pair[2] = {-1, -1};
  g_autoptr(GError) error = nullptr;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return Error{Error::Kind::kFailed, std::string("cannot make a pair of sockets: ") + g_strerror(errno)};
  other_end_ = FileDescriptor(pair[1]);
  g_autoptr(GSocket) socket = g_socket_new_from_fd(pair[0], &error);
  if (!socket) close(pair[0]);
  if (!socket || !soup_server_listen_socket(soup_.get(), socket, static_cast<SoupServerListenOptions>(0), &error))
    return Error{Error::Kind::kFailed, std::string("cannot start the HTTP server: ") + error->message};
  return ok();
}

void HttpServer::headers_arrived(SoupServerMessage* message) {
  const auto client = clients_.find(soup_server_message_get_remote_address(message));
  if (client == clients_.end()) return;
  auto exchange = std::make_shared<Exchange>(state_, *client->second.connection, message);
  client->second.exchange = exchange;
  g_object_set_data_full(G_OBJECT(message), kExchange, new std::shared_ptr<Exchange>(exchange),
                         [](gpointer data) { delete static_cast<std::shared_ptr<Exchange>*>(data); });
  const auto got_chunk = +[](SoupServerMessage* arriving, GBytes* bytes, gpointer) {
    gsize size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    if (const auto receiver = exchange_of(arriving)) receiver->chunk_arrived({data, size});
  };
  const auto wrote = +[](SoupServerMessage* answered, guint, gpointer) {
    if (const auto sender = exchange_of(answered)) sender->wrote();
  };
  g_signal_connect(message, "got-chunk", G_CALLBACK(got_chunk), nullptr);
  g_signal_connect(message, "wrote-body-data", G_CALLBACK(wrote), nullptr);
  exchange->headers_arrived();
}

void HttpServer::ended(SoupServerMessage* message, bool complete) {
  if (const auto exchange = exchange_of(message)) exchange->ended(complete);
}

// ---- connections --------------------------------------------------------------------------------------------------

void HttpServer::accepted(GObjectPtr<GSocket> socket) {
  auto connection =
      std::make_unique<Connection>(std::move(socket), static_cast<Connection::Server&>(*this), connection_limits_);
  const GSocketAddress* key = connection->remote_address();
  clients_[key].connection = std::move(connection);
  ++state_.connections;
  if (full()) make_room(1);
}

// Closes the connections that have waited longest for their client's next word, `count` at most, and none that has not
// waited for a moment. Where there are none, new ones wait in the kernel's queue.
void HttpServer::make_room(std::size_t count) {
  const auto now = Clock::now();
  std::vector<Connection*> waiting;
  for (auto& [address, client] : clients_) {
    const auto phase = client.connection->phase();
    const bool waits = phase == Connection::Phase::kHeader || phase == Connection::Phase::kIdle;
    if (waits && now - client.connection->since() > 500ms) waiting.push_back(client.connection.get());
  }
  if (waiting.empty()) return listener_->pause();
  std::sort(waiting.begin(), waiting.end(), [](auto* a, auto* b) { return a->since() < b->since(); });
  waiting.resize(std::min(waiting.size(), count));
  for (Connection* connection : waiting) {
    state_.metrics.rejected("connection_evicted");
    connection->drop();
    --state_.connections;
  }
}

bool HttpServer::full() const {
  return state_.connections >= static_cast<std::size_t>(state_.configuration.max_connections);
}

std::shared_ptr<Exchange> HttpServer::exchange_on(const Connection& connection) {
  const auto client = clients_.find(connection.remote_address());
  return client == clients_.end() ? nullptr : client->second.exchange.lock();
}

void HttpServer::serve(Connection& connection) {
  soup_server_accept_iostream(soup_.get(), connection.stream(), connection.local_address(), connection.remote_address(),
                              nullptr);
}

std::string HttpServer::refusal(Connection& connection, int status, const std::string& detail) {
  const Failure why = failure(status, detail);
  if (connection.phase() == Connection::Phase::kBody)
    if (const auto exchange = exchange_on(connection)) return exchange->refusal(why);
  const std::string id = new_request_id(++state_.requests);
  state_.metrics.rejected(why.reason());
  state_.metrics.request_done("other", status, Clock::now() - connection.since(), 0);
  state_.log.request({.request_id = id,
                      .peer = connection.peer(),
                      .method = "-",
                      .path = "-",
                      .status = status,
                      .error = why.label,
                      .detail = detail,
                      .duration = Clock::now() - connection.since()});
  return raw_response(
      failure_reply(why, {.model = state_.service.status().model_label(), .augmented = false, .request_id = id}));
}

void HttpServer::body_late(Connection& connection, const std::string& detail) {
  if (const auto exchange = exchange_on(connection)) exchange->refuse(failure(408, detail));
}

void HttpServer::client_gone(Connection& connection) {
  if (const auto exchange = exchange_on(connection)) exchange->abandon();
}

void HttpServer::tick() {
  const auto now = Clock::now();
  // A check may have libsoup close streams, but adds no client and removes none.
  for (auto& [address, client] : clients_) client.connection->check(now);
  std::erase_if(clients_, [](const auto& entry) {
    return entry.second.connection->phase() == Connection::Phase::kClosed && entry.second.exchange.expired();
  });
  state_.connections = static_cast<std::size_t>(std::count_if(clients_.begin(), clients_.end(), [](const auto& entry) {
    return entry.second.connection->phase() != Connection::Phase::kClosed;
  }));
  if (drained_) return check_drained(now);
  if (full()) make_room(1);
  if (!full()) listener_->resume();
}

// ---- the end ------------------------------------------------------------------------------------------------------

void HttpServer::drain(std::chrono::duration<double> patience, std::function<void()> drained) {
  state_.draining = true;
  listener_.reset();
  drained_ = std::move(drained);
  drain_until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(patience);
  give_up_at_ = drain_until_ + kLastWords;
  for (auto& [address, client] : clients_)
    if (client.connection->phase() == Connection::Phase::kIdle) client.connection->drop();
  check_drained(Clock::now());
}

void HttpServer::check_drained(Clock::time_point now) {
  if (now > drain_until_) state_.service.cancel_all();
  const bool under_way = std::any_of(clients_.begin(), clients_.end(), [](const auto& entry) {
    const auto phase = entry.second.connection->phase();
    return phase == Connection::Phase::kBody || phase == Connection::Phase::kProcessing ||
           phase == Connection::Phase::kWriting;
  });
  if ((under_way || state_.active_requests > 0) && now < give_up_at_) return;
  // From the main loop, as it may end the server.
  const auto call = +[](gpointer function) -> gboolean {
    (*static_cast<std::function<void()>*>(function))();
    return G_SOURCE_REMOVE;
  };
  g_idle_add_full(G_PRIORITY_DEFAULT, call, new std::function<void()>(std::exchange(drained_, nullptr)),
                  [](gpointer function) { delete static_cast<std::function<void()>*>(function); });
}

}  // namespace clipembed
