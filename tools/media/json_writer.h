// Writes a JSON object member by member, on one line. json-glib knows no float: it would print 0.1f as
// 0.10000000149011612. Here a float takes the fewest digits that read back as the same float.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace clipembed {

class JsonWriter {
 public:
  void add_null(std::string_view key);
  void add(std::string_view key, std::same_as<bool> auto value) { add_raw(key, value ? "true" : "false"); }
  void add(std::string_view key, std::uint64_t value);
  void add(std::string_view key, std::int64_t value);
  void add(std::string_view key, double value);  // milliseconds and the like: three decimals
  // Bytes that are not UTF-8 become U+FFFD.
  void add(std::string_view key, std::string_view value);
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void add(std::string_view key, std::span<const float> values);
  void add(std::string_view key, std::span<const double> values);  // as single ones
  void add(std::string_view key, std::span<const JsonWriter> objects);
  void add(std::string_view key, const JsonWriter& value) { add_raw(key, value.text()); }

  std::string text() const { return "{" + members_ + "}"; }

 private:
  void add_raw(std::string_view key, std::string_view json);

  std::string members_;
};

}  // namespace clipembed
