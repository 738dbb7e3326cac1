// An engine offered to other processes at a Unix socket: `clipembed serve-engine`, or a part of a daemon.
//
//   clients' sockets -> poll() loop -> sessions on the engine -> completions -> poll() loop -> clients' sockets
//
// One thread, the one in run(), does all the reading and writing and never waits for a client. Only processes of the
// same user, or root's, are served.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/engine/remote/client_connection.h"
#include "lib/engine/remote/socket.h"
#include "lib/result.h"

namespace clipembed::remote {

class EngineServer {
 public:
  // Clients may connect from here on; they are answered once run() runs.
  // Errors: kSettings for an address that cannot be used, or that a live server has; kFailed.
  static Result<std::unique_ptr<EngineServer>> open(const std::shared_ptr<Engine>& engine, const std::string& address);

  // Serves until stop(). Then it removes the socket, reads nothing more, and returns once what is in flight has been
  // answered, or ten seconds later.
  void run();

  // From any thread, and from a signal handler.
  void stop() { stop_.ring(); }

 private:
  EngineServer(const std::shared_ptr<Engine>& engine, Listener listener);

  void wait();
  void accept_client();
  void serve_clients();
  void drain();

  Service service_;
  Signal stop_;
  std::unique_ptr<Listener> listener_;                   // none once it drains
  std::chrono::steady_clock::time_point accept_from_{};  // later than now after a failed accept()
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
  struct Client {
    std::unique_ptr<ClientConnection> connection;
    short events = 0;  // what the last poll() said
  };
  std::vector<Client> clients_;
};

}  // namespace clipembed::remote
