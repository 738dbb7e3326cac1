#include "tools/clipembed/json_writer.h"

#include <glib.h>

#include <charconv>
#include <cmath>
#include <cstdio>

namespace clipembed {
namespace {

// Source: RFC 8259, section 7.
std::string quote(std::string_view text) {
  g_autofree char* valid = g_utf8_make_valid(text.data(), static_cast<gssize>(text.size()));
  std::string quoted = "\"";
  for (const char* c = valid; *c != '\0'; ++c) {
    if (*c == '"' || *c == '\\') {
      quoted += {'\\', *c};
    } else if (static_cast<unsigned char>(*c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(*c));
      quoted += escape;
    } else {
      quoted += *c;
    }
  }
  return quoted + '"';
}

template <class... Format>
void append_number(std::string& to, auto value, Format... format) {
  char digits[64];
  to.append(digits, std::to_chars(digits, digits + sizeof digits, value, format...).ptr);
}

}  // namespace

void JsonWriter::add_raw(std::string_view key, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  members_ += quote(key);
  members_ += ':';
  members_ += json;
}

void JsonWriter::add_null(std::string_view key) { add_raw(key, "null"); }

void JsonWriter::add(std::string_view key, std::uint64_t value) { add_raw(key, std::to_string(value)); }

void JsonWriter::add(std::string_view key, double value) {
  std::string json;
  append_number(json, value, std::chars_format::fixed, 3);
  add_raw(key, json);
}

void JsonWriter::add(std::string_view key, std::string_view value) { add_raw(key, quote(value)); }

void JsonWriter::add(std::string_view key, std::span<const float> values) {
  std::string json = "[";
  for (float value : values) {
    if (json.size() > 1) json += ',';
    append_number(json, value);
  }
  add_raw(key, json + "]");
}

}  // namespace clipembed
