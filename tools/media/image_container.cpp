#include "tools/media/image_container.h"

#include <algorithm>

namespace clipembed {
namespace {

using namespace std::string_view_literals;

std::uint32_t byte(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

// `at` + 2 or 4 lies inside `text`.
std::uint32_t read16(std::string_view text, std::size_t at, bool big_endian) {
  const std::uint32_t first = byte(text, at), second = byte(text, at + 1);
  return big_endian ? first << 8 | second : second << 8 | first;
}
std::uint32_t read32(std::string_view text, std::size_t at, bool big_endian) {
  const std::uint32_t first = read16(text, at, big_endian), second = read16(text, at + 2, big_endian);
  return big_endian ? first << 16 | second : second << 16 | first;
}

// Tag 0x0112 of the first image file directory. Source: Exif 2.32, 4.6.2 and 4.6.4.
int exif_orientation(std::string_view exif) {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3;
  constexpr std::size_t kEntry = 12;
  if (exif.starts_with("Exif\0\0"sv)) exif.remove_prefix(6);
  if (exif.size() < 8 || !(exif.starts_with("II*\0"sv) || exif.starts_with("MM\0*"sv))) return 1;
  const bool big_endian = exif[0] == 'M';
  const std::size_t directory = read32(exif, 4, big_endian);
  if (directory > exif.size() - 2) return 1;
  const std::size_t entries =
      std::min<std::size_t>(read16(exif, directory, big_endian), (exif.size() - directory - 2) / kEntry);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::string_view entry = exif.substr(directory + 2 + i * kEntry, kEntry);
    if (read16(entry, 0, big_endian) != kOrientation || read16(entry, 2, big_endian) != kShort) continue;
    const std::uint32_t value = read16(entry, 8, big_endian);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

// True when the markers lead to EOI. Entropy-coded data is passed over: there, FF is followed by 00 or a restart
// marker. Source: ITU-T T.81, annex B.
bool jpeg_ends(std::string_view file) {
  constexpr std::uint32_t kEoi = 0xd9, kTem = 0x01, kRst0 = 0xd0, kSoi = 0xd8;
  std::size_t at = 2;  // past SOI
  while ((at = file.find('\xff', at)) != file.npos) {
    while (at < file.size() && file[at] == '\xff') ++at;  // fill bytes
    if (at == file.size()) return false;
    const std::uint32_t marker = byte(file, at++);
    if (marker == kEoi) return true;
    if (marker == 0 || marker == kTem || (marker >= kRst0 && marker <= kSoi)) continue;
    if (file.size() - at < 2) return false;
    at += read16(file, at, true);
  }
  return false;
}

// Source: PNG, third edition, 5.3 and 11.3.1 and 11.3.4.5.
ImageContainer inspect_png(std::string_view file) {
  constexpr std::size_t kSignature = 8, kOverhead = 12;  // a chunk's length, type and CRC
  ImageContainer facts{.complete = false};
  for (std::size_t at = kSignature; file.size() >= kOverhead && at <= file.size() - kOverhead;) {
    const std::size_t length = read32(file, at, true);
    if (length > file.size() - at - kOverhead) break;
    const std::string_view type = file.substr(at + 4, 4);
    if (type == "IHDR" && length >= 8)
      facts.declared_pixels = std::uint64_t{read32(file, at + 8, true)} * read32(file, at + 12, true);
    if (type == "eXIf") facts.orientation = exif_orientation(file.substr(at + 8, length));
    if (type == "IEND") {
      facts.complete = true;
      break;
    }
    at += kOverhead + length;
  }
  return facts;
}

// Source: WebP container specification, "Extended file format" and "Animation".
ImageContainer inspect_webp(std::string_view file) {
  constexpr std::size_t kRiffHeader = 12, kChunkHeader = 8;
  constexpr std::size_t kFrameHeader = 16;
  ImageContainer facts;
  for (std::size_t at = kRiffHeader; file.size() >= kChunkHeader && at <= file.size() - kChunkHeader;) {
    const std::size_t length = read32(file, at + 4, false);
    if (length > file.size() - at - kChunkHeader) break;
    const std::string_view type = file.substr(at, 4);
    if (type == "EXIF") facts.orientation = exif_orientation(file.substr(at + kChunkHeader, length));
    if (type == "ANMF" && length >= kFrameHeader)
      facts.delays.push_back(read32(file, at + kChunkHeader + 12, false) & 0xffffff);
    at += kChunkHeader + length + length % 2;
  }
  return facts;
}

// The length of a colour table, from the packed field that tells of it.
std::size_t colour_table_bytes(std::uint32_t packed) { return packed & 0x80 ? 3u << ((packed & 7) + 1) : 0; }

// The end of a chain of sub-blocks, or npos where it is cut off.
std::size_t skip_sub_blocks(std::string_view file, std::size_t at) {
  while (at < file.size()) {
    const std::size_t length = byte(file, at++);
    if (length == 0) return at;
    at += length;
  }
  return file.npos;
}

// Source: GIF89a specification, sections 17 to 27. The delay of a picture stands in the extension before it.
ImageContainer inspect_gif(std::string_view file) {
  constexpr std::size_t kHeader = 13, kDescriptor = 10, kControl = 8;
  constexpr char kExtension = 0x21, kImage = 0x2c;
  constexpr std::uint32_t kGraphicControl = 0xf9;
  ImageContainer facts;
  unsigned delay = 0;
  std::size_t at = file.size() < kHeader ? file.size() : kHeader + colour_table_bytes(byte(file, 10));
  while (at < file.size()) {
    const char block = file[at];
    if (block == kExtension && file.size() - at >= kControl) {
      if (byte(file, at + 1) == kGraphicControl) delay = read16(file, at + 4, false) * 10;
      at = skip_sub_blocks(file, at + 2);
    } else if (block == kImage && file.size() - at > kDescriptor) {
      at = skip_sub_blocks(file, at + kDescriptor + colour_table_bytes(byte(file, at + 9)) + 1);
      if (at != file.npos) facts.delays.push_back(delay);
    } else {
      break;  // the trailer, or nothing that is known
    }
  }
  return facts;
}

// The largest `ispe` property (width, height after version and flags). They stand in the `meta` box, which precedes the
// coded pictures in what encoders write; looking for the four letters rather than walking the box tree also sees nested
// ones. Source: ISO/IEC 23008-12, 6.5.3.
ImageContainer inspect_heif(std::string_view file) {
  constexpr std::size_t kSearched = 1 << 20, kProperty = 16;
  ImageContainer facts;
  const std::string_view head = file.substr(0, kSearched);
  for (std::size_t at = head.find("ispe"); at != head.npos && head.size() - at >= kProperty;
       at = head.find("ispe", at + 4))
    facts.declared_pixels =
        std::max(facts.declared_pixels, std::uint64_t{read32(head, at + 8, true)} * read32(head, at + 12, true));
  return facts;
}

}  // namespace

ImageContainer inspect_container(MediaType type, std::string_view file) {
  switch (type) {
    case MediaType::kJpeg:
      return ImageContainer{.complete = jpeg_ends(file)};
    case MediaType::kPng:
      return inspect_png(file);
    case MediaType::kWebp:
      return inspect_webp(file);
    case MediaType::kGif:
      return inspect_gif(file);
    case MediaType::kHeif:
      return inspect_heif(file);
    default:
      return {};
  }
}

}  // namespace clipembed
