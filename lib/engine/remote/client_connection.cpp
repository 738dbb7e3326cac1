#include "lib/engine/remote/client_connection.h"

#include <poll.h>

#include <algorithm>
#include <utility>
#include <variant>

namespace clipembed::remote {
namespace {

using Kind = Error::Kind;

// Per connection, in the engine's batches: one in the tower and enough behind it.
constexpr std::size_t kBatchesInFlight = 4;
constexpr std::size_t kMaxSessions = 1024;

Error malformed(const std::string& what) { return {Kind::kFormat, what}; }

}  // namespace

ClientConnection::ClientConnection(Fd socket, Peer peer, const Service& service)
    : socket_(std::move(socket)), peer_(peer), service_(service), requests_(expect_hello()) {}

short ClientConnection::events() const {
  return static_cast<short>((full_ || draining_ ? 0 : POLLIN) | (out_.empty() ? 0 : POLLOUT));
}

Status ClientConnection::serve(short events) {
  if (Status sent = send_answers(); !sent) return sent;
  if (!full_ && !draining_) return read_request();
  if (events & (POLLHUP | POLLERR)) return Error{Kind::kUnavailable, "the client has gone"};
  return ok();
}

void ClientConnection::drain() {
  draining_ = true;
  for (const auto& [id, session] : sessions_) session->flush();
}

Status ClientConnection::send_answers() {
  std::vector<Bytes> answered;
  {
    const std::lock_guard lock(mutex_);
    answered.swap(answered_);
  }
  for (Bytes& answer : answered) out_.add(std::move(answer));
  const Result<std::size_t> left = out_.write(socket_.get());
  if (!left) return left.error();
  in_flight_ -= *left;
  // Room in the engine's queue comes with an answer of our own: that is what kBusy waits for.
  if (!answered.empty() || *left > 0) full_ = false;
  return ok();
}

// At most one a turn, so that connections take turns.
Status ClientConnection::read_request() {
  const Result<bool> complete = requests_.read(socket_.get());
  if (!complete) return complete.error();
  if (!*complete) return ok();
  const Result<FromClient> request = decode_from_client(requests_.type(), requests_.body());
  if (!request) return request.error();
  const Outcome taken = std::visit([&](const auto& message) { return take(message); }, *request);
  if (!taken) return taken.error();
  full_ = *taken == Taken::kLater;
  if (!full_) requests_.next();
  return ok();
}

// ---- requests ----

// The welcome counts as an answer: it is one frame out.
ClientConnection::Outcome ClientConnection::take(const Hello& hello) {
  const EngineInfo& info = service_.engine->info();
  Status accepted = ok();
  if (hello.version != kVersion) {
    accepted = Error{Kind::kLibrary, "the engine server speaks version " + std::to_string(kVersion) +
                                         " of the protocol and its client version " + std::to_string(hello.version) +
                                         ": install the same gst-clipembed for both"};
  } else if (!hello.model.empty() && std::ranges::find(service_.names, hello.model) == service_.names.end()) {
    accepted = Error{Kind::kSettings,
                     "the engine server serves the model " + info.model + ", and " + hello.model + " was asked for"};
  }
  if (!accepted) {
    refuse(fd(), accepted.error());
    return Error{Kind::kUnavailable, "refused"};  // the client says why, and may ask again and again
  }
  out_.add(encode(Welcome{.info = info, .max_batch = service_.max_batch}));
  ++in_flight_;
  requests_.expect(expect_requests(info));
  return Taken::kYes;
}

ClientConnection::Outcome ClientConnection::take(const OpenSession& open) {
  if (sessions_.size() >= kMaxSessions) return malformed("more than " + std::to_string(kMaxSessions) + " sessions");
  const auto [place, is_new] = sessions_.try_emplace(open.session);
  if (!is_new) return malformed("session " + std::to_string(open.session) + " opened twice");
  place->second = service_.engine->open_session(
      {.batch_size = static_cast<int>(std::clamp<std::uint32_t>(open.batch_size, 1, kMaxBatch)),
       .batch_timeout = open.batch_timeout});
  return Taken::kYes;
}

ClientConnection::Outcome ClientConnection::take(const CloseSession& close) {
  if (sessions_.erase(close.session) == 0)
    return malformed("session " + std::to_string(close.session) + " is not open");
  return Taken::kYes;
}

ClientConnection::Outcome ClientConnection::take(const Submit& submit) {
  const Result<Session*> session = find(submit.session);
  if (!session) return session.error();
  if (in_flight_ >= kBatchesInFlight * static_cast<std::size_t>(service_.max_batch)) return Taken::kLater;
  const auto answer = [this, id = submit.session, request = submit.request](Result<Embedding> result) {
    Bytes frame = encode(Answer{id, request, std::move(result)});
    const std::lock_guard lock(mutex_);
    answered_.push_back(std::move(frame));
    service_.answered.ring();
  };
  ++in_flight_;
  const Status accepted =
      (*session)->submit(Picture(submit.picture.begin(), submit.picture.end()), answer, Session::WhenFull::kRefuse);
  if (accepted) return Taken::kYes;
  if (accepted.error().kind != Kind::kBusy) {
    answer(accepted.error());
    return Taken::kYes;
  }
  --in_flight_;
  return Taken::kLater;
}

ClientConnection::Outcome ClientConnection::take(const Flush& flush) {
  const Result<Session*> session = find(flush.session);
  if (!session) return session.error();
  (*session)->flush();
  return Taken::kYes;
}

ClientConnection::Outcome ClientConnection::take(const Cancel& cancel) {
  const Result<Session*> session = find(cancel.session);
  if (!session) return session.error();
  (*session)->cancel();
  (*session)->resume();
  return Taken::kYes;
}

Result<Session*> ClientConnection::find(std::uint64_t session) const {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return malformed("session " + std::to_string(session) + " is not open");
  return found->second.get();
}

void refuse(int socket, const Error& why) {
  FrameWriter out;
  out.add(encode(Refusal{why}));
  static_cast<void>(out.write(socket));  // a fresh socket has room for it; a client that has gone needs no reason
}

}  // namespace clipembed::remote
