#include "lib/engine/remote/frame_stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace clipembed::remote {
namespace {

Error closed(int error) {
  return {Error::Kind::kUnavailable, "the connection broke: " + std::generic_category().message(error)};
}

}  // namespace

Result<bool> FrameReader::read(int socket) {
  while (received_ < kHeaderBytes || received_ < kHeaderBytes + header_.body_bytes) {
    const bool in_header = received_ < kHeaderBytes;
    const std::span<std::uint8_t> part = in_header ? std::span<std::uint8_t>(header_bytes_).subspan(received_)
                                                   : std::span<std::uint8_t>(body_).subspan(received_ - kHeaderBytes);
    const ssize_t got = recv(socket, part.data(), part.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
    if (got < 0) return closed(errno);
    if (got == 0 && received_ > 0) return Error{Error::Kind::kFormat, "a truncated message"};
    if (got == 0) return Error{Error::Kind::kUnavailable, "the connection was closed"};
    received_ += static_cast<std::size_t>(got);
    if (!in_header || received_ < kHeaderBytes) continue;
    const Result<Header> header = decode_header(header_bytes_, expectation_);
    if (!header) return header.error();
    header_ = *header;
    body_.resize(header_.body_bytes);
  }
  return true;
}

Result<std::size_t> FrameWriter::write(int socket) {
  std::size_t written = 0;
  while (!frames_.empty()) {
    const Bytes& frame = frames_.front();
    const ssize_t took = send(socket, frame.data() + sent_, frame.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (took < 0 && errno == EINTR) continue;
    if (took < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    if (took < 0) return closed(errno);
    sent_ += static_cast<std::size_t>(took);
    if (sent_ < frame.size()) continue;
    sent_ = 0;
    frames_.pop_front();
    ++written;
  }
  return written;
}

}  // namespace clipembed::remote
