#include "tools/media/completeness.h"

#include <array>
#include <iterator>
#include <string_view>

namespace clipembed {
namespace {

using Header = std::array<char, 16>;

std::uint64_t number(const Header& header, std::size_t at, std::size_t bytes, bool big_endian) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i)
    value = value << 8 | static_cast<unsigned char>(header[at + (big_endian ? i : bytes - 1 - i)]);
  return value;
}

std::uint64_t beyond(const MediaFile& file, std::uint64_t end) { return end > file.size() ? end - file.size() : 0; }

// RIFF chunks follow each other (OpenDML). A length that was never filled in is 0 or near the largest.
std::uint64_t missing_of_riff(const MediaFile& file) {
  constexpr std::uint64_t kNeverFilledIn = 0xfffffff0;
  Header header{};
  for (std::uint64_t at = 0; file.read_at(header, at) == std::ssize(header);) {
    if (std::string_view(header.data(), 4) != "RIFF") break;
    const std::uint64_t length = number(header, 4, 4, false);
    if (length == 0 || length >= kNeverFilledIn) break;
    if (const std::uint64_t missing = beyond(file, at + 8 + length)) return missing;
    at += 8 + length + length % 2;
  }
  return 0;
}

struct OuterBoxes {
  bool index = false;
  std::uint64_t missing = 0;
};

// Source: ISO/IEC 14496-12, 4.2: 32-bit length, or 1 and a 64-bit one, or 0 for all that follows.
OuterBoxes walk_boxes(const MediaFile& file) {
  OuterBoxes boxes;
  Header header{};
  for (std::uint64_t at = 0; file.read_at(header, at) >= 8;) {
    std::uint64_t length = number(header, 0, 4, true);
    if (std::string_view(header.data() + 4, 4) == "moov") boxes.index = true;
    if (length == 1) length = number(header, 8, 8, true);
    if (length < 8 || length > UINT64_MAX / 2) break;
    boxes.missing = beyond(file, at + length);
    if (boxes.missing > 0) break;
    at += length;
  }
  return boxes;
}

bool is_mpeg4(const MediaFile& file) {
  Header header{};
  return file.read_at(header, 0) == std::ssize(header) && std::string_view(header.data() + 4, 4) == "ftyp";
}

}  // namespace

bool lacks_index(const MediaFile& file) { return is_mpeg4(file) && !walk_boxes(file).index; }

std::uint64_t missing_bytes(const MediaFile& file) {
  return is_mpeg4(file) ? walk_boxes(file).missing : missing_of_riff(file);
}

}  // namespace clipembed
