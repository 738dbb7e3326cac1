// The HTTP server: connections and requests, from accept() to the line in the log.
//
//   Listener -> Connection -> SoupServer -> Exchange -> a route's answer | EmbedRequest -> MediaService
//
// Everything happens on the main loop. The request table is docs/http.md, the contract openapi.json.
#pragma once

#include <libsoup/soup.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "lib/result.h"
#include "tools/clipembedd/http/connection.h"
#include "tools/clipembedd/http/exchange.h"
#include "tools/clipembedd/http/listener.h"
#include "tools/clipembedd/http/server_state.h"

namespace clipembed {

class HttpServer : Connection::Server {
 public:
  // What it works with outlives it. Errors: kSettings for keys, a media root or an address that cannot be used;
  // kFailed.
  static Result<std::unique_ptr<HttpServer>> open(const Configuration& configuration, MediaService& service,
                                                  Metrics& metrics, AccessLog& log);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const std::vector<std::string>& addresses() const { return addresses_; }

  // Accepts no more connections and no more POST /embed, and calls `drained` once what was under way is answered. After
  // `patience` what is left is cancelled, and its clients are told.
  void drain(std::chrono::duration<double> patience, std::function<void()> drained);

 private:
  using Clock = std::chrono::steady_clock;
  struct Client {
    std::unique_ptr<Connection> connection;
    std::weak_ptr<Exchange> exchange;  // the request under way
  };

  HttpServer(const Configuration& configuration, MediaService& service, Metrics& metrics, AccessLog& log);
  Status start(const Configuration& configuration);
  Status start_soup();

  // Connection::Server
  void serve(Connection& connection) override;
  std::string refusal(Connection& connection, int status, const std::string& detail) override;
  void body_late(Connection& connection, const std::string& detail) override;
  bool others_wait() const override { return state_.active_requests > 1; }
  void client_gone(Connection& connection) override;

  // SoupServer's signals
  void headers_arrived(SoupServerMessage* message);
  static void ended(SoupServerMessage* message, bool complete);

  void accepted(GObjectPtr<GSocket> socket);
  bool full() const;
  void make_room(std::size_t count);
  std::shared_ptr<Exchange> exchange_on(const Connection& connection);
  void tick();
  void check_drained(Clock::time_point now);

  ServerState state_;
  ConnectionLimits connection_limits_;
  FileDescriptor other_end_{-1};  // of what libsoup takes for a listening socket
  GObjectPtr<SoupServer> soup_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::string> addresses_;
  std::unordered_map<const GSocketAddress*, Client> clients_;  // by the connection's remote_address()
  guint tick_ = 0;

  std::function<void()> drained_;
  Clock::time_point drain_until_{}, give_up_at_{};
};

}  // namespace clipembed
