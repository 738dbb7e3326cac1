// Where an HTTP/1.1 request begins and ends, read as strictly as RFC 9112 allows, so that no proxy in front of us can
// have read the same bytes in another way. libsoup is lenient (3.6: bare LF, folded lines, "-1" as a chunk's size,
// lines without a colon): it gets nothing but bytes that were approved here, and never a byte of the next request
// early.
//
//   bytes of a connection -> approved prefix | a Rejection, after which the connection is of no more use
//
// Refused besides what is malformed: bodies framed twice or by other codings than "chunked", chunk extensions,
// trailers, and targets that are no path. No I/O; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clipembed {

struct FramingLimits {
  std::size_t header_bytes = 16 << 10;  // request line and fields
  std::size_t header_fields = 100;
};

struct FramingRejection {
  int status;  // 400, 417, 431, 501 or 505
  std::string detail;
};

// What the header block says of the version, and of how the body is framed.
struct BodyFraming {
  bool http_1_0 = false;
  bool chunked = false;
  std::uint64_t length = 0;  // unless chunked
};

// One request after the other.
class RequestFraming {
 public:
  enum class Stage { kHeaders, kBody, kDone, kRejected };

  explicit RequestFraming(FramingLimits limits = {}) : limits_(limits) {}

  // `pending` is everything that has arrived and was not approved yet. Returns how much of it is approved; the rest is
  // to be shown again, with more behind it. A header block is approved in one piece, empty lines before it are
  // skip()ped.
  std::size_t advance(std::string_view pending);
  // Bytes at the start of what advance() was shown last that are dropped instead of approved.
  std::size_t skip() const { return skip_; }

  Stage stage() const { return stage_; }
  const FramingRejection& rejection() const { return rejection_; }  // once rejected
  const BodyFraming& body() const { return body_; }                 // after the headers
  // After kDone: on to the next request.
  void start_over();

 private:
  enum class Chunk { kSize, kSizeLf, kData, kDataCr, kDataLf, kEndCr, kEndLf };

  std::size_t advance_headers(std::string_view pending);
  std::size_t advance_sized(std::string_view pending);
  std::size_t advance_chunked(std::string_view pending);
  bool chunk_byte(char byte);
  std::size_t reject(int status, std::string detail);

  FramingLimits limits_;
  Stage stage_ = Stage::kHeaders;
  FramingRejection rejection_{};
  BodyFraming body_;
  std::size_t scanned_ = 0;  // of the header block
  std::size_t skip_ = 0;
  std::uint64_t remaining_ = 0;  // of the body, or of the chunk
  Chunk chunk_ = Chunk::kSize;
  int size_digits_ = 0;
};

// What a complete header block, from the request line to the empty line, says about the body; or why it is refused.
std::optional<FramingRejection> check_header_block(std::string_view block, const FramingLimits& limits,
                                                   BodyFraming& body);

}  // namespace clipembed
