#include "tools/media/json_writer.h"

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

std::string shortest(float value) {
  char digits[64];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string decimal(double value) {
  char digits[512];  // the largest double has 309 before the point
  return {digits, std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed, 3).ptr};
}

template <class T>
std::string array(std::span<const T> values, auto write) {
  std::string json = "[";
  for (const T& value : values) {
    if (json.size() > 1) json += ',';
    json += write(value);
  }
  return json + "]";
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

void JsonWriter::add(std::string_view key, std::int64_t value) { add_raw(key, std::to_string(value)); }

void JsonWriter::add(std::string_view key, double value) { add_raw(key, decimal(value)); }

void JsonWriter::add(std::string_view key, std::string_view value) { add_raw(key, quote(value)); }

void JsonWriter::add(std::string_view key, std::span<const float> values) {
  add_raw(key, array(values, [](float value) { return shortest(value); }));
}

void JsonWriter::add(std::string_view key, std::span<const double> values) { add_raw(key, array(values, decimal)); }

void JsonWriter::add(std::string_view key, std::span<const JsonWriter> objects) {
  add_raw(key, array(objects, [](const JsonWriter& object) { return object.text(); }));
}

}  // namespace clipembed
