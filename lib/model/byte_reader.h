// Little-endian numbers out of bytes nobody vouches for. Reading past the end gives zeros and turns ok() false for
// good, so that a record is read field by field and checked once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace clipembed {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }

  std::span<const std::byte> take(std::size_t count) {
    if (count > bytes_.size() - position_) {
      ok_ = false;
      position_ = bytes_.size();
      return {};
    }
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  std::string_view text(std::size_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  void skip(std::size_t count) { take(count); }

  bool ok() const { return ok_; }
  std::size_t position() const { return position_; }
  std::span<const std::byte> rest() const { return bytes_.subspan(position_); }

 private:
  std::uint64_t number(std::size_t count) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::byte byte : take(count)) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const std::byte> bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace clipembed
