// The server's end of one client's connection: requests in, sessions on the engine, answers out. The server's thread
// calls it; completions, on the engine's thread, only leave their answer in `answered_` and wake the server.
//
// Bounded. A picture is in flight from its arrival until its answer has left for the socket. While there are too many
// of them, or the engine's queue has no room for the next one, nothing is read. So a client that does not read its
// answers, or sends more than the tower can do, waits at its own socket and costs nobody else anything.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/engine/remote/frame_stream.h"
#include "lib/engine/remote/protocol.h"
#include "lib/engine/remote/socket.h"
#include "lib/result.h"

namespace clipembed::remote {

// What all connections of a server share, and outlives them.
struct Service {
  std::shared_ptr<Engine> engine;
  std::vector<std::string> names;  // by any of which a client may ask for the model
  int max_batch;
  Signal answered;  // wakes the server
};

class ClientConnection {
 public:
  ClientConnection(Fd socket, Peer peer, const Service& service);

  const Peer& peer() const { return peer_; }
  int fd() const { return socket_.get(); }
  short events() const;  // what poll() is to wait for

  // Does what can be done without waiting; `events` is what poll() said.
  // An error ends the connection: kUnavailable when the client knows why, else what to log.
  Status serve(short events);

  // Nothing more is read, and what is in flight runs at once.
  void drain();
  bool idle() const { return in_flight_ == 0; }

 private:
  enum class Taken { kYes, kLater };
  using Outcome = Result<Taken>;

  Status read_request();
  Outcome take(const Hello& hello);
  Outcome take(const OpenSession& open);
  Outcome take(const CloseSession& close);
  Outcome take(const Submit& submit);
  Outcome take(const Flush& flush);
  Outcome take(const Cancel& cancel);
  Result<Session*> find(std::uint64_t session) const;
  Status send_answers();

  const Fd socket_;
  const Peer peer_;
  const Service& service_;
  FrameReader requests_;
  FrameWriter out_;
  std::size_t in_flight_ = 0;
  bool full_ = false;  // the request that was read last has to wait for an answer to leave
  bool draining_ = false;

  std::mutex mutex_;  // guards answered_
  std::vector<Bytes> answered_;

  std::map<std::uint64_t, std::unique_ptr<Session>> sessions_;  // goes first: completions use the rest
};

// Tells the client at the other end of a fresh socket why it is not served.
void refuse(int socket, const Error& why);

}  // namespace clipembed::remote
