// How the metas are written for another process: little-endian whatever the host, without padding; a string is its
// length in 32 bits and UTF-8 without NUL. Values only, any thread.
#pragma once

#include <gst/gst.h>

#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace clipmeta {

class WireWriter {
 public:
  void number(std::unsigned_integral auto value) {
    for (std::size_t i = 0; i < sizeof value; i++) bytes_.push_back(static_cast<std::uint8_t>(value >> 8 * i));
  }
  void string(std::string_view text);
  void floats(std::span<const float> values);

  // False where there is no room.
  bool append_to(GstByteArrayInterface* out) const;

 private:
  std::vector<std::uint8_t> bytes_;
};

// Reads bytes that nobody vouches for. The first read past the end or of a malformed string spoils the reader: that
// read and all later ones give zeros, and complete() is false. Memory is taken only for what is there.
class WireReader {
 public:
  explicit WireReader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  template <std::unsigned_integral T>
  T number() {
    T value = 0;
    const auto bytes = take(sizeof value);
    for (std::size_t i = 0; i < bytes.size(); i++) value = static_cast<T>(value | T{bytes[i]} << 8 * i);
    return value;
  }
  std::string string();
  std::vector<float> floats(std::uint32_t count);

  // Everything read was there, and nothing is left.
  bool complete() const { return !spoilt_ && rest_.empty(); }

 private:
  std::span<const std::uint8_t> take(std::size_t size);

  std::span<const std::uint8_t> rest_;
  bool spoilt_ = false;
};

// Why a frame was chosen, which both metas say.
struct Choice {
  std::string reason;
  gint scene_index = 0;
  gdouble score = 0;
};

// In the ranges that the metas document.
bool choice_is_valid(gint scene_index, gdouble score);

void write_choice(WireWriter& writer, const gchar* reason, gint scene_index, gdouble score);
Choice read_choice(WireReader& reader);

}  // namespace clipmeta
