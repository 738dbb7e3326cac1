#include "tools/clipembedd/http/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHeaderRead = 4 << 10;
constexpr std::size_t kBodyRead = 16 << 10;
constexpr auto kRateWindow = 5s;
constexpr auto kLinger = 2s;
constexpr std::uint64_t kLingerBytes = 64 << 20;

std::string address_text(GSocketAddress* address) {
  if (!G_IS_INET_SOCKET_ADDRESS(address)) return "local";
  g_autofree char* text = g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address)));
  return text;
}

GObjectPtr<GSocketAddress> remote_address_of(GSocket* socket) {
  // Some clients are gone before they are accepted.
  if (GSocketAddress* address = g_socket_get_remote_address(socket, nullptr))
    return GObjectPtr<GSocketAddress>(address);
  return GObjectPtr<GSocketAddress>(g_inet_socket_address_new_from_string("0.0.0.0", 0));
}

GObjectPtr<GSocketAddress> local_address_of(GSocket* socket) {
  if (GSocketAddress* address = g_socket_get_local_address(socket, nullptr)) return GObjectPtr<GSocketAddress>(address);
  return GObjectPtr<GSocketAddress>(g_inet_socket_address_new_from_string("0.0.0.0", 0));
}

}  // namespace

Connection::Connection(GObjectPtr<GSocket> socket, Server& server, const ConnectionLimits& limits)
    : socket_(std::move(socket)),
      socket_stream_(g_socket_connection_factory_create_connection(socket_.get())),
      local_(local_address_of(socket_.get())),
      remote_(remote_address_of(socket_.get())),
      peer_(address_text(remote_.get())),
      server_(server),
      limits_(limits),
      framing_(limits.framing) {
  g_socket_set_blocking(socket_.get(), FALSE);
  watch_socket();
}

Connection::~Connection() {
  stop_watching();
  if (input_) guarded_input_detach(input_.get());
}

GIOStream* Connection::stream() {
  if (!stream_) {
    input_.reset(guarded_input_new(this));
    stream_.reset(
        g_simple_io_stream_new(input_.get(), g_io_stream_get_output_stream(G_IO_STREAM(socket_stream_.get()))));
  }
  return stream_.get();
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = Clock::now();
  if (phase != Phase::kBody) return;
  body_began_ = rate_from_ = since_;
  rate_bytes_ = 0;
}

// ---- while libsoup does not read ----------------------------------------------------------------------------------

void Connection::watch_socket() {
  stop_watching();
  watch_ = g_socket_create_source(socket_.get(), G_IO_IN, nullptr);
  const auto callback = +[](GSocket*, GIOCondition, gpointer self) -> gboolean {
    static_cast<Connection*>(self)->readable();
    return G_SOURCE_CONTINUE;  // or it has been destroyed
  };
  g_source_set_callback(watch_, G_SOURCE_FUNC(callback), this, nullptr);
  g_source_attach(watch_, nullptr);
}

void Connection::stop_watching() {
  if (!watch_) return;
  g_source_destroy(watch_);
  g_source_unref(std::exchange(watch_, nullptr));
}

void Connection::readable() { phase_ == Phase::kLingering ? drain() : receive_header(); }

void Connection::receive_header() {
  g_autoptr(GError) error = nullptr;
  const gssize size = receive(&error);
  if (size < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) return;
  if (size < 0) return close();
  if (size == 0) return cut_short();
  if (!approve()) return;
  stop_watching();
  served_ = true;
  server_.serve(*this);
}

// ---- what libsoup reads -------------------------------------------------------------------------------------------

// Appends to buffer_. As recv(): 0 at the end, -1 with an error.
gssize Connection::receive(GError** error) {
  const std::size_t room = phase_ == Phase::kBody ? kBodyRead : kHeaderRead;
  const std::size_t size = buffer_.size();
  buffer_.resize(size + room);
  const gssize received = g_socket_receive(socket_.get(), buffer_.data() + size, room, nullptr, error);
  buffer_.resize(size + static_cast<std::size_t>(std::max<gssize>(received, 0)));
  if (received == 0) at_end_ = true;
  if (received > 0 && phase_ == Phase::kIdle) enter(Phase::kHeader);
  if (received > 0) rate_bytes_ += static_cast<std::uint64_t>(received);
  return received;
}

// Whether there are approved bytes, or are now.
bool Connection::approve() {
  while (approved_ == 0 && !pending().empty() && !refused_) {
    const RequestFraming::Stage before = framing_.stage();
    const std::size_t approved = framing_.advance(pending());
    if (framing_.stage() == RequestFraming::Stage::kRejected) {
      reject(framing_.rejection().status, framing_.rejection().detail);
      return false;
    }
    if (framing_.skip() > 0) {
      buffer_.erase(0, framing_.skip());
      continue;
    }
    approved_ = approved;
    if (approved == 0) return false;
    if (before == RequestFraming::Stage::kHeaders) enter(Phase::kBody);
    if (framing_.stage() == RequestFraming::Stage::kDone) enter(Phase::kProcessing);
  }
  return approved_ > 0;
}

gssize Connection::read(void* to, gsize size, GError** error) {
  // Asked for more than the request has, libsoup wants the next one.
  if (approved_ == 0 && framing_.stage() == RequestFraming::Stage::kDone) {
    framing_.start_over();
    answering_ = probed_ = false;
    if (buffer_.empty()) buffer_.shrink_to_fit();  // a connection may be idle for long
    if (!buffer_.empty()) enter(Phase::kHeader);
  }
  while (!refused_ && !approve() && !refused_) {
    const gssize received = receive(error);
    if (received < 0) return received;
    if (received == 0 && phase_ == Phase::kIdle) return 0;
    if (received == 0) cut_short();
  }
  if (refused_) {
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED, "the request was refused");
    return -1;
  }
  const std::size_t taken = std::min<std::size_t>(size, approved_);
  std::copy_n(buffer_.data(), taken, static_cast<char*>(to));
  buffer_.erase(0, taken);
  approved_ -= taken;
  return static_cast<gssize>(taken);
}

bool Connection::ready() const {
  const bool next_request = framing_.stage() == RequestFraming::Stage::kDone && !buffer_.empty();
  return approved_ > 0 || next_request || refused_ || at_end_;
}

void Connection::writing() {
  answering_ = true;
  enter(Phase::kWriting);
}

void Connection::answered() {
  if (phase_ == Phase::kWriting) enter(Phase::kIdle);
}

// ---- the end ------------------------------------------------------------------------------------------------------

// The client will send no more. Where nothing of a request has arrived, none was meant.
void Connection::cut_short() {
  if (phase_ == Phase::kHeader && buffer_.empty()) return close();
  reject(400, phase_ == Phase::kHeader ? "the request ends within its header" : "the request ends within its body");
}

void Connection::reject(int status, const std::string& detail) { refuse(server_.refusal(*this, status, detail)); }

void Connection::refuse(std::string_view answer) {
  refused_ = true;
  // It fits into an empty socket buffer; a client that left earlier answers unread has no claim to this one.
  g_socket_send(socket_.get(), answer.data(), answer.size(), nullptr, nullptr);
  linger();
}

void Connection::stream_closed() {
  if (at_end_) return close();
  if (phase_ != Phase::kClosed && phase_ != Phase::kLingering) linger();
}

void Connection::linger() {
  refused_ = true;
  buffer_.clear();
  approved_ = 0;
  if (at_end_) return close();
  g_socket_shutdown(socket_.get(), FALSE, TRUE, nullptr);
  enter(Phase::kLingering);
  watch_socket();
}

void Connection::drain() {
  char thrown_away[16 << 10];
  for (int i = 0; i < 16; ++i) {
    g_autoptr(GError) error = nullptr;
    const gssize size = g_socket_receive(socket_.get(), thrown_away, sizeof thrown_away, nullptr, &error);
    if (size < 0 && g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK)) return;
    if (size > 0) drained_ += static_cast<std::uint64_t>(size);
    if (size <= 0 || drained_ > kLingerBytes) return close();
  }
}

void Connection::drop() {
  if (!served_) return close();
  // libsoup notices, and closes its stream.
  refused_ = at_end_ = true;
  g_socket_shutdown(socket_.get(), TRUE, TRUE, nullptr);
  if (phase_ != Phase::kLingering) enter(Phase::kLingering);
}

void Connection::close() {
  if (phase_ == Phase::kClosed) return;
  enter(Phase::kClosed);
  refused_ = true;
  stop_watching();
  g_socket_close(socket_.get(), nullptr);
}

// ---- deadlines ----------------------------------------------------------------------------------------------------

void Connection::check(Clock::time_point now) {
  const auto elapsed = now - since_;
  switch (phase_) {
    case Phase::kHeader:
      if (elapsed <= limits_.header_timeout) break;
      reject(408, "the request's header took too long to arrive");
      if (served_) drop();
      break;
    case Phase::kBody:
      check_body(now);
      break;
    case Phase::kIdle:
      if (elapsed > limits_.idle_timeout) drop();
      break;
    case Phase::kWriting:
      elapsed > limits_.write_timeout ? server_.client_gone(*this) : check_client();
      break;
    case Phase::kProcessing:
      check_client();
      break;
    case Phase::kLingering:
      if (elapsed > kLinger) close();
      break;
    case Phase::kClosed:
      break;
  }
}

void Connection::check_body(Clock::time_point now) {
  if (now - body_began_ > limits_.body_timeout) {
    server_.body_late(*this, "the request's body took too long to arrive");
  } else if (now - rate_from_ > kRateWindow) {
    const double seconds = std::chrono::duration<double>(now - rate_from_).count();
    if (static_cast<double>(rate_bytes_) < static_cast<double>(limits_.min_rate) * seconds)
      return server_.body_late(*this, "the request's body arrives too slowly");
    rate_from_ = now;
    rate_bytes_ = 0;
  }
}

// A client may close its half of the connection after its request and wait for the answer, or may have gone altogether:
// the same FIN. What is sent to one that has gone comes back as a reset, and "100 Continue" means nothing to one that
// waits.
void Connection::check_client() {
  struct pollfd socket{g_socket_get_fd(socket_.get()), POLLRDHUP, 0};
  if (poll(&socket, 1, 0) <= 0) return;
  if ((socket.revents & (POLLHUP | POLLERR)) != 0) return server_.client_gone(*this);
  if (answering_ || framing_.body().http_1_0 || std::exchange(probed_, true)) return;
  constexpr std::string_view kProbe = "HTTP/1.1 100 Continue\r\n\r\n";
  g_socket_send(socket_.get(), kProbe.data(), kProbe.size(), nullptr, nullptr);
}

}  // namespace clipembed
