// The grammar of request line and fields. Source: RFC 9110, section 5, and RFC 9112, sections 3, 5 and 6.
#include <libsoup/soup.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "tools/clipembedd/http/header_parameters.h"
#include "tools/clipembedd/http/http_framing.h"

namespace clipembed {
namespace {

using Rejection = std::optional<FramingRejection>;

Rejection malformed(std::string detail) { return FramingRejection{400, std::move(detail)}; }

// Visible ASCII.
bool is_visible(char c) { return c > 0x20 && c < 0x7f; }

// What a field's value may have: visible characters, blanks, and bytes beyond ASCII.
bool is_field_char(char c) { return is_visible(c) || c == ' ' || c == '\t' || static_cast<unsigned char>(c) >= 0x80; }

// The next line without its CRLF; the block ends with an empty one.
std::string_view take_line(std::string_view& block) {
  const auto end = block.find("\r\n");
  const std::string_view line = block.substr(0, end);
  block.remove_prefix(end + 2);
  return line;
}

// As libsoup reads it, which would answer without a word of explanation.
bool is_uri(const std::string& text) {
  return g_uri_is_valid(text.c_str(), static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS), nullptr);
}

Rejection check_request_line(std::string_view line, bool& http_1_0) {
  const auto method_end = line.find(' ');
  const auto target_end = line.rfind(' ');
  if (method_end == std::string_view::npos || target_end == method_end) return malformed("no request line");
  const std::string_view method = line.substr(0, method_end);
  const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
  const std::string_view version = line.substr(target_end + 1);
  if (!is_token(method) || method.size() > 32) return malformed("the request line's method is malformed");
  if (!std::all_of(target.begin(), target.end(), is_visible) || target.find('#') != std::string_view::npos)
    return malformed("the request line's target is malformed");
  if (!version.starts_with("HTTP/") || version.size() != 8 || version[6] != '.')
    return malformed("the request line's version is malformed");
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return FramingRejection{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  const bool absolute = target.starts_with("http://") && !target.starts_with("http:///");
  if (!target.starts_with('/') && !absolute) return malformed("the request line's target is no path");
  const std::string uri = (target.starts_with('/') ? "http://host" : "") + std::string(target);
  if (!is_uri(uri)) return malformed("the request line's target is malformed");
  http_1_0 = version == "HTTP/1.0";
  return std::nullopt;
}

// Takes note of the fields that say how the message is framed, each of which may be there once only.
class FramingFields {
 public:
  explicit FramingFields(bool http_1_0) : http_1_0_(http_1_0) {}

  Rejection add(std::string_view name, std::string_view value) {
    if (equals_ignoring_case(name, "Content-Length")) return content_length(value);
    if (equals_ignoring_case(name, "Transfer-Encoding")) return transfer_encoding(value);
    if (equals_ignoring_case(name, "Host")) return host(value);
    if (equals_ignoring_case(name, "Expect") && !equals_ignoring_case(value, "100-continue"))
      return FramingRejection{417, "only 100-continue can be expected"};
    return std::nullopt;
  }

  Rejection finish(BodyFraming& body) const {
    if (has_length_ && body_.chunked) return malformed("both Content-Length and Transfer-Encoding");
    if (body_.chunked && http_1_0_) return malformed("Transfer-Encoding in HTTP/1.0");
    if (!has_host_ && !http_1_0_) return malformed("no Host");
    body = body_;
    body.http_1_0 = http_1_0_;
    return std::nullopt;
  }

 private:
  Rejection content_length(std::string_view value) {
    if (std::exchange(has_length_, true)) return malformed("more than one Content-Length");
    constexpr std::size_t kMaxDigits = 15;
    const bool digits = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
    if (!digits || value.size() > kMaxDigits) return malformed("Content-Length is no number of bytes");
    std::from_chars(value.data(), value.data() + value.size(), body_.length);
    return std::nullopt;
  }

  Rejection transfer_encoding(std::string_view value) {
    if (body_.chunked) return malformed("more than one Transfer-Encoding");
    if (!equals_ignoring_case(value, "chunked"))
      return FramingRejection{501, "the only Transfer-Encoding known here is chunked"};
    body_.chunked = true;
    return std::nullopt;
  }

  Rejection host(std::string_view value) {
    if (std::exchange(has_host_, true)) return malformed("more than one Host");
    const auto strange = [](char c) {
      return !is_visible(c) || std::string_view("/\\@?#,").find(c) != std::string_view::npos;
    };
    const std::string uri = "http://" + std::string(value);
    if (value.empty() || std::any_of(value.begin(), value.end(), strange) || !is_uri(uri))
      return malformed("Host is malformed");
    return std::nullopt;
  }

  const bool http_1_0_;
  bool has_length_ = false, has_host_ = false;
  BodyFraming body_;
};

}  // namespace

std::optional<FramingRejection> check_header_block(std::string_view block, const FramingLimits& limits,
                                                   BodyFraming& body) {
  bool http_1_0 = false;
  if (auto rejection = check_request_line(take_line(block), http_1_0)) return rejection;
  FramingFields fields(http_1_0);
  std::size_t count = 0;
  for (std::string_view line = take_line(block); !line.empty(); line = take_line(block)) {
    if (++count > limits.header_fields)
      return FramingRejection{431, "more than " + std::to_string(limits.header_fields) + " header fields"};
    if (block.front() == ' ' || block.front() == '\t') return malformed("a header field goes on in the next line");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return malformed("a header field's name is malformed");
    const std::string_view value = trim_blanks(line.substr(colon + 1));
    if (!std::all_of(value.begin(), value.end(), is_field_char))
      return malformed("a header field's value has a control character");
    if (auto rejection = fields.add(line.substr(0, colon), value)) return rejection;
  }
  return fields.finish(body);
}

}  // namespace clipembed
