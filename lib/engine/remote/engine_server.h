// An engine offered to other processes: at a Unix socket (`clipembed serve-engine`), or over connections that the
// process's owner made itself and gave one end of to a process that it started (clipembedd's decode workers).
//
//   clients' sockets -> poll() loop -> sessions on the engine -> completions -> poll() loop -> clients' sockets
//
// One thread, the one in run(), does all the reading and writing and never waits for a client. Only processes of the
// same user, or root's, may connect.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
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
  // With an empty address there is no socket, only what add_client() brings.
  static Result<std::unique_ptr<EngineServer>> open(const std::shared_ptr<Engine>& engine, const std::string& address);

  // Serves the process that has the other end of this connected socket, however many clients there are. From any
  // thread; once the server drains, the connection is closed at once.
  void add_client(Fd socket);

  // Serves until stop(). Then it removes the socket, reads nothing more, and returns once what is in flight has been
  // answered, or ten seconds later.
  void run();

  // From any thread, and from a signal handler.
  void stop() { stop_.ring(); }

 private:
  EngineServer(const std::shared_ptr<Engine>& engine, std::unique_ptr<Listener> listener);

  void wait();
  void take_added_clients();
  void accept_client();
  void serve_clients();
  void drain();

  Service service_;
  Signal stop_;
  std::unique_ptr<Listener> listener_;  // none without an address, and once it drains
  bool draining_ = false;
  std::chrono::steady_clock::time_point accept_from_{};  // later than now after a failed accept()
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
  struct Client {
    std::unique_ptr<ClientConnection> connection;
    short events = 0;  // what the last poll() said
  };
  std::vector<Client> clients_;

  Signal client_added_;
  std::mutex added_mutex_;  // guards added_
  std::vector<Fd> added_;
};

}  // namespace clipembed::remote
