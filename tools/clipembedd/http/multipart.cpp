#include "tools/clipembedd/http/multipart.h"

#include <algorithm>

namespace clipembed {
namespace {

Error malformed(std::string what) { return Error{Error::Kind::kFormat, "the form is malformed: " + std::move(what)}; }

}  // namespace

// The first delimiter has no line break before it: as if one had been matched.
MultipartParser::MultipartParser(const std::string& boundary, PartSink& sink, MultipartLimits limits)
    : delimiter_("\r\n--" + boundary), sink_(sink), limits_(limits), matched_(2) {}

Status MultipartParser::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    Status status = ok();
    switch (state_) {
      case State::kStart:
        status = start(bytes);
        break;
      case State::kHeader:
        status = header(bytes);
        break;
      case State::kData:
        status = data(bytes);
        break;
      case State::kAfterBoundary:
        status = after_boundary(bytes);
        break;
      case State::kEpilogue:
      case State::kEnd:
        status = epilogue(bytes);
        break;
    }
    if (!status) return status;
  }
  return ok();
}

Status MultipartParser::finish() const {
  if (state_ == State::kEnd || (state_ == State::kEpilogue && matched_ == 0)) return ok();
  return malformed("the body ends before the closing boundary");
}

Status MultipartParser::start(std::string_view& bytes) {
  for (; matched_ < delimiter_.size() && !bytes.empty(); bytes.remove_prefix(1)) {
    if (bytes.front() != delimiter_[matched_++])
      return malformed("it does not begin with the boundary that Content-Type names");
  }
  if (matched_ == delimiter_.size()) state_ = State::kAfterBoundary;
  return ok();
}

Status MultipartParser::after_boundary(std::string_view& bytes) {
  held_ += bytes.front();
  bytes.remove_prefix(1);
  if (held_.size() < 2) return ok();
  const bool next = held_ == "\r\n", last = held_ == "--";
  held_.clear();
  matched_ = 0;
  if (!next && !last) return malformed("a boundary is followed by neither a line break nor --");
  if (next && parts_ == limits_.parts)
    return Error{Error::Kind::kSettings, "the form has more than " + std::to_string(limits_.parts) + " parts"};
  state_ = next ? State::kHeader : State::kEpilogue;
  return ok();
}

Status MultipartParser::header(std::string_view& bytes) {
  const auto complete = [this] { return held_.ends_with("\r\n\r\n") || held_ == "\r\n"; };
  while (!complete() && !bytes.empty()) {
    if (held_.size() == limits_.header_bytes)
      return malformed("a part's header has more than " + std::to_string(limits_.header_bytes) + " bytes");
    held_ += bytes.front();
    bytes.remove_prefix(1);
  }
  return complete() ? begin_part() : ok();
}

Status MultipartParser::begin_part() {
  const Result<PartHeader> header = parse_part_header(std::string_view(held_).substr(0, held_.size() - 2), limits_);
  if (!header) return header.error();
  held_.clear();
  ++parts_;
  // An empty part's delimiter begins with the line break that ends the header.
  matched_ = 0;
  state_ = State::kData;
  return sink_.begin(*header);
}

// CR is nowhere in a delimiter but at its start: where a match breaks off, none can have begun inside it.
Status MultipartParser::data(std::string_view& bytes) {
  while (!bytes.empty()) {
    if (matched_ == 0) {
      const std::string_view plain = bytes.substr(0, bytes.find('\r'));
      if (!plain.empty()) {
        if (Status status = sink_.data(plain); !status) return status;
        bytes.remove_prefix(plain.size());
        continue;
      }
    }
    if (bytes.front() == delimiter_[matched_]) {
      bytes.remove_prefix(1);
      if (++matched_ < delimiter_.size()) continue;
      state_ = State::kAfterBoundary;
      return sink_.end();
    }
    const std::size_t not_delimiter = matched_;
    matched_ = 0;
    if (Status status = sink_.data(std::string_view(delimiter_).substr(0, not_delimiter)); !status) return status;
  }
  return ok();
}

Status MultipartParser::epilogue(std::string_view& bytes) {
  constexpr std::string_view kLineBreak = "\r\n";
  if (state_ == State::kEnd || bytes.front() != kLineBreak[matched_])
    return malformed("something follows the closing boundary");
  bytes.remove_prefix(1);
  if (++matched_ == kLineBreak.size()) state_ = State::kEnd;
  return ok();
}

}  // namespace clipembed
