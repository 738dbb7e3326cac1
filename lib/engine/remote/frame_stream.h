// Frames in and out of a non-blocking socket. One thread each; nothing here waits.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <utility>

#include "lib/engine/remote/protocol.h"
#include "lib/result.h"

namespace clipembed::remote {

// One frame at a time, in memory for that one, and that only once its header has been found to be in order.
class FrameReader {
 public:
  explicit FrameReader(Expectation expectation) : expectation_(std::move(expectation)) {}
  void expect(Expectation expectation) { expectation_ = std::move(expectation); }

  // True when a frame is there, which stays until next(); false when the socket has no more for now.
  // Errors: kUnavailable when the other end has closed the connection, kFormat when it did so within a frame or sent
  // what was not expected.
  Result<bool> read(int socket);
  void next() { received_ = 0; }

  MessageType type() const { return header_.type; }
  std::span<const std::uint8_t> body() const { return body_; }

 private:
  Expectation expectation_;
  std::array<std::uint8_t, kHeaderBytes> header_bytes_{};
  Header header_{};
  Bytes body_;
  std::size_t received_ = 0;  // of header and body together
};

class FrameWriter {
 public:
  void add(Bytes frame) { frames_.push_back(std::move(frame)); }
  bool empty() const { return frames_.empty(); }

  // Writes what the socket takes, and gives how many frames have left as a whole. Errors: kUnavailable.
  Result<std::size_t> write(int socket);

 private:
  std::deque<Bytes> frames_;
  std::size_t sent_ = 0;  // of the first
};

}  // namespace clipembed::remote
