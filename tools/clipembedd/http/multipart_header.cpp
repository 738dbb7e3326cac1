// The grammar of a form's boundary and of its parts' headers. Source: RFC 2046, section 5.1.1; RFC 7578, section 4;
// RFC 8187 for filename*; https://html.spec.whatwg.org/#multipart-form-data for %22.
#include <glib.h>

#include <optional>
#include <utility>

#include "tools/clipembedd/http/header_parameters.h"
#include "tools/clipembedd/http/multipart.h"

namespace clipembed {
namespace {

Error malformed(std::string what) { return Error{Error::Kind::kFormat, "the form is malformed: " + std::move(what)}; }

// Browsers write a quote in a name as %22.
std::string restore_quotes(std::string name) {
  for (std::size_t at = name.find("%22"); at != std::string::npos; at = name.find("%22", at + 1))
    name.replace(at, 3, "\"");
  return name;
}

// UTF-8''percent-encoded
std::optional<std::string> decode_extended(std::string_view value) {
  constexpr std::string_view kCharset = "utf-8''";
  if (!equals_ignoring_case(value.substr(0, kCharset.size()), kCharset)) return std::nullopt;
  g_autofree char* decoded = g_uri_unescape_string(std::string(value.substr(kCharset.size())).c_str(), nullptr);
  return decoded ? std::optional<std::string>(decoded) : std::nullopt;
}

Status check_filename(const std::string& name, const MultipartLimits& limits) {
  if (name.empty()) return malformed("a part has no filename: every part is a file");
  if (name.size() > limits.name_bytes)
    return malformed("a filename has more than " + std::to_string(limits.name_bytes) + " bytes");
  if (!g_utf8_validate_len(name.data(), name.size(), nullptr)) return malformed("a filename is not UTF-8");
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return malformed("a filename has a control character");
  return ok();
}

Result<PartHeader> parse_disposition(std::string_view value, const MultipartLimits& limits) {
  const auto parsed = parse_header_parameters(value);
  if (!parsed) return malformed("a Content-Disposition cannot be read");
  if (!equals_ignoring_case(parsed->value, "form-data")) return malformed("a Content-Disposition is not form-data");
  PartHeader header;
  std::optional<std::string> extended;
  for (const auto& [name, text] : parsed->parameters) {
    if (name == "name") header.name = text;
    if (name == "filename") header.filename = restore_quotes(text);
    if (name == "filename*") {
      extended = decode_extended(text);
      if (!extended) return malformed("a filename* is not UTF-8");
    }
  }
  if (extended) header.filename = *std::move(extended);
  if (header.name.empty()) return malformed("a part has no name");
  if (Status status = check_filename(header.filename, limits); !status) return status.error();
  return header;
}

Status check_other_field(std::string_view name, std::string_view value) {
  if (equals_ignoring_case(name, "Content-Transfer-Encoding")) {
    for (const char* identity : {"7bit", "8bit", "binary"})
      if (equals_ignoring_case(value, identity)) return ok();
    return malformed("a part has a transfer encoding");
  }
  if (equals_ignoring_case(name, "Content-Type") && equals_ignoring_case(value.substr(0, 10), "multipart/"))
    return malformed("a part is a multipart of its own");
  return ok();
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type) {
  const auto parsed = parse_header_parameters(content_type);
  if (!parsed) return malformed("the Content-Type that names its boundary cannot be read");
  for (const auto& [name, value] : parsed->parameters) {
    if (name != "boundary") continue;
    constexpr std::string_view kOthers = "'()+_,-./:=? ";
    bool good = !value.empty() && value.size() <= 70 && value.back() != ' ';
    for (const char c : value) good = good && (g_ascii_isalnum(c) || kOthers.find(c) != std::string_view::npos);
    if (!good) return malformed("its boundary is not 1 to 70 of the characters that boundaries are made of");
    return value;
  }
  return malformed("its Content-Type names no boundary");
}

Result<PartHeader> parse_part_header(std::string_view fields, const MultipartLimits& limits) {
  std::optional<PartHeader> header;
  while (!fields.empty()) {
    const auto end = fields.find("\r\n");
    const std::string_view line = fields.substr(0, end);
    fields.remove_prefix(end == std::string_view::npos ? fields.size() : end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
      return malformed("a line of a part's header is no field");
    const std::string_view name = line.substr(0, colon), value = trim_blanks(line.substr(colon + 1));
    if (!equals_ignoring_case(name, "Content-Disposition")) {
      if (Status status = check_other_field(name, value); !status) return status.error();
      continue;
    }
    if (header) return malformed("a part has two Content-Dispositions");
    Result<PartHeader> disposition = parse_disposition(value, limits);
    if (!disposition) return disposition;
    header = *std::move(disposition);
  }
  if (!header) return malformed("a part has no Content-Disposition");
  return *std::move(header);
}

}  // namespace clipembed
