#include "tools/clipembedd/http/http_framing.h"

#include <algorithm>

namespace clipembed {

std::size_t RequestFraming::reject(int status, std::string detail) {
  stage_ = Stage::kRejected;
  rejection_ = {status, std::move(detail)};
  return 0;
}

void RequestFraming::start_over() { *this = RequestFraming(limits_); }

std::size_t RequestFraming::advance(std::string_view pending) {
  skip_ = 0;
  switch (stage_) {
    case Stage::kHeaders:
      return advance_headers(pending);
    case Stage::kBody:
      return body_.chunked ? advance_chunked(pending) : advance_sized(pending);
    default:
      return 0;
  }
}

std::size_t RequestFraming::advance_headers(std::string_view pending) {
  // Some clients end a form's body with a line break too many. Source: RFC 9112, section 2.2.
  if (pending.starts_with("\r\n")) {
    skip_ = 2;
    return 0;
  }
  for (; scanned_ < pending.size(); ++scanned_) {
    if (scanned_ >= limits_.header_bytes)
      return reject(431, "the request's headers have more than " + std::to_string(limits_.header_bytes) + " bytes");
    if (pending[scanned_] != '\n') continue;
    if (scanned_ == 0 || pending[scanned_ - 1] != '\r') return reject(400, "a line ends with LF alone");
    if (!pending.substr(0, scanned_ + 1).ends_with("\r\n\r\n")) continue;

    const std::string_view block = pending.substr(0, scanned_ + 1);
    if (auto rejection = check_header_block(block, limits_, body_))
      return reject(rejection->status, std::move(rejection->detail));
    remaining_ = body_.length;
    stage_ = body_.chunked || body_.length > 0 ? Stage::kBody : Stage::kDone;
    return block.size();
  }
  return 0;
}

std::size_t RequestFraming::advance_sized(std::string_view pending) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(pending.size(), remaining_));
  remaining_ -= size;
  if (remaining_ == 0) stage_ = Stage::kDone;
  return size;
}

std::size_t RequestFraming::advance_chunked(std::string_view pending) {
  std::size_t done = 0;
  while (done < pending.size() && stage_ == Stage::kBody) {
    if (chunk_ != Chunk::kData) {
      if (!chunk_byte(pending[done])) return reject(400, "the body's chunked coding is malformed");
      ++done;
      continue;
    }
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(pending.size() - done, remaining_));
    done += size;
    remaining_ -= size;
    if (remaining_ == 0) chunk_ = Chunk::kDataCr;
  }
  return done;
}

// Everything of the coding but the data. Source: RFC 9112, section 7.1.
bool RequestFraming::chunk_byte(char byte) {
  constexpr int kMaxSizeDigits = 12;  // 2^48
  const auto expect = [&](char wanted, Chunk next) {
    chunk_ = next;
    return byte == wanted;
  };
  switch (chunk_) {
    case Chunk::kSize: {
      if (byte == '\r') return size_digits_ > 0 && expect('\r', Chunk::kSizeLf);
      const char lower = static_cast<char>(byte | 0x20);
      int digit = -1;
      if (byte >= '0' && byte <= '9') digit = byte - '0';
      if (lower >= 'a' && lower <= 'f') digit = lower - 'a' + 10;
      remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
      return digit >= 0 && ++size_digits_ <= kMaxSizeDigits;
    }
    case Chunk::kSizeLf:
      size_digits_ = 0;
      return expect('\n', remaining_ > 0 ? Chunk::kData : Chunk::kEndCr);
    case Chunk::kDataCr:
      return expect('\r', Chunk::kDataLf);
    case Chunk::kDataLf:
      return expect('\n', Chunk::kSize);
    case Chunk::kEndCr:
      return expect('\r', Chunk::kEndLf);
    case Chunk::kEndLf:
      stage_ = Stage::kDone;
      return byte == '\n';
    case Chunk::kData:
      break;
  }
  return false;
}

}  // namespace clipembed
