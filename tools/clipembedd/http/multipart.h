// multipart/form-data as it arrives: no part is held in memory, and every byte is looked at once. Strict: what RFC 2046
// and RFC 7578 leave open, and what only a broken or hostile client sends, is refused with a message that says where.
//
//   chunks of the body -> begin(part) -> data(bytes)... -> end() -> begin(part) ... ; finish() at the body's end
//
// Refused: a preamble or an epilogue, other parts than files, parts without a file name, nested multiparts and transfer
// encodings. No I/O; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lib/result.h"

namespace clipembed {

struct MultipartLimits {
  std::size_t parts = 256;
  std::size_t header_bytes = 8 << 10;  // of a part
  std::size_t name_bytes = 1024;       // of a file name
};

// A part's Content-Disposition.
struct PartHeader {
  std::string name;      // of the form's field
  std::string filename;  // UTF-8 without control characters, not empty; as the client wrote it, a path too
};

// What becomes of the parts. An error ends the parsing and is passed on.
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual Status begin(const PartHeader& header) = 0;
  virtual Status data(std::string_view bytes) = 0;  // never empty
  virtual Status end() = 0;
};

// The boundary that a Content-Type names. Errors: kFormat.
Result<std::string> multipart_boundary(std::string_view content_type);

// The header fields of a part, CRLF after each. Errors: kFormat.
Result<PartHeader> parse_part_header(std::string_view fields, const MultipartLimits& limits);

class MultipartParser {
 public:
  MultipartParser(const std::string& boundary, PartSink& sink, MultipartLimits limits = {});

  // Errors: kFormat for what is malformed, kSettings for too many parts; the sink's. None is recovered from.
  Status feed(std::string_view bytes);
  // The body is complete. Errors: kFormat where it ends in the middle.
  Status finish() const;

 private:
  enum class State { kStart, kHeader, kData, kAfterBoundary, kEpilogue, kEnd };

  // Each takes what it can from the front of `bytes`.
  Status start(std::string_view& bytes);
  Status header(std::string_view& bytes);
  Status data(std::string_view& bytes);
  Status after_boundary(std::string_view& bytes);
  Status epilogue(std::string_view& bytes);
  Status begin_part();

  const std::string delimiter_;  // CRLF "--" boundary
  PartSink& sink_;
  const MultipartLimits limits_;
  State state_ = State::kStart;
  std::size_t matched_ = 0;  // of the delimiter, or of the line break after the last one
  std::size_t parts_ = 0;
  std::string held_;  // a part's header, or the two bytes after a boundary
};

}  // namespace clipembed
