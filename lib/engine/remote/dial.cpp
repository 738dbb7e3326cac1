#include "lib/engine/remote/dial.h"

#include <utility>
#include <variant>

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;
using Clock = std::chrono::steady_clock;

Result<FromServer> read_reply(int socket, Clock::time_point deadline, const Signal& stop) {
  FrameReader reader(expect_welcome());
  while (true) {
    const Result<bool> complete = reader.read(socket);
    if (!complete) return complete.error();
    if (*complete) return decode_from_server(reader.type(), reader.body());
    if (!wait_readable(socket, stop.fd(), deadline)) return Error{Kind::kUnavailable, "it does not answer"};
    if (wait_readable(stop.fd(), -1, {})) return Error{Kind::kUnavailable, "it is no longer wanted"};
  }
}

}  // namespace

Result<Connected> dial(const std::string& address, const std::string& model, const Signal& stop) {
  Result<Fd> socket = connect_to(address);
  if (!socket) return std::move(socket).error();
  const std::string server = "the engine server at " + address + ": ";
  const Result<Peer> peer = peer_of(socket->get());
  if (!peer) return Error{peer.error().kind, server + peer.error().message};
  if (!peer->trusted()) return Error{Kind::kSettings, server + "it is another user's, and not root's"};

  FrameWriter writer;
  writer.add(encode(Hello{.model = model}));
  static_cast<void>(writer.write(socket->get()));  // a server that refuses may not even read it; its reply says why
  const auto deadline = can_reconnect(address) ? Clock::now() + kWelcomeWithin : Clock::time_point::max();
  Result<FromServer> reply = read_reply(socket->get(), deadline, stop);
  if (!reply) return Error{reply.error().kind, server + reply.error().message};
  if (const auto* refusal = std::get_if<Refusal>(&*reply)) return refusal->error;
  auto& welcome = std::get<Welcome>(*reply);
  if (welcome.version != kVersion)
    return Error{Kind::kLibrary, server + "it speaks version " + std::to_string(welcome.version) +
                                     " of the protocol, and this library version " + std::to_string(kVersion)};
  return Connected{*std::move(socket), std::move(welcome.info), welcome.max_batch};
}

}  // namespace clipembed::remote
