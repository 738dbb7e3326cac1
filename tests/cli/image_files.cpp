#include "tests/cli/image_files.h"

#include <check.h>

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

void append_big_endian(std::string& to, std::uint32_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) to += static_cast<char>(value >> (8 * i) & 0xff);
}
void append_little_endian(std::string& to, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) to += static_cast<char>(value >> (8 * i) & 0xff);
}

// Source: PNG, third edition, annex D.
std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (unsigned char byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::string png_chunk(std::string_view type_and_data) {
  std::string chunk;
  append_big_endian(chunk, static_cast<std::uint32_t>(type_and_data.size() - 4), 4);
  chunk += type_and_data;
  append_big_endian(chunk, crc32(type_and_data), 4);
  return chunk;
}

// Little-endian for odd values and big-endian for even ones, so that both are read.
std::string make_exif(int orientation) {
  std::string exif;
  const auto append = orientation % 2 == 1 ? append_little_endian : append_big_endian;
  exif += orientation % 2 == 1 ? "II" : "MM";
  append(exif, 42, 2);
  append(exif, 8, 4);  // the first directory
  append(exif, 1, 2);  // its entries
  append(exif, 0x0112, 2);
  append(exif, 3, 2);  // SHORT
  append(exif, 1, 4);
  append(exif, static_cast<std::uint32_t>(orientation), 2);
  append(exif, 0, 2);
  append(exif, 0, 4);  // no further directory
  return exif;
}

guchar* pixel_at(GdkPixbuf* pixels, int x, int y) {
  return gdk_pixbuf_get_pixels(pixels) + y * gdk_pixbuf_get_rowstride(pixels) + x * gdk_pixbuf_get_n_channels(pixels);
}

// Which pixel of the upright picture is stored at (x, y). Source: Exif 2.32, 4.6.4 A, Orientation: "the 0th row is at
// the visual top, right-hand side..., the 0th column at the visual left-hand side..."
std::pair<int, int> upright_position(int x, int y, int width, int height, int orientation) {
  switch (orientation) {
    case 2:
      return {width - 1 - x, y};
    case 3:
      return {width - 1 - x, height - 1 - y};
    case 4:
      return {x, height - 1 - y};
    case 5:
      return {y, x};
    case 6:
      return {width - 1 - y, x};
    case 7:
      return {width - 1 - y, height - 1 - x};
    case 8:
      return {y, height - 1 - x};
    default:
      return {x, y};
  }
}

}  // namespace

Pixbuf make_gradient(int width, int height) {
  Pixbuf pixels(gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, width, height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      guchar* pixel = pixel_at(pixels.get(), x, y);
      pixel[0] = static_cast<guchar>(255 * x / width);
      pixel[1] = static_cast<guchar>(255 * y / height);
      pixel[2] = 128;
    }
  }
  return pixels;
}

Pixbuf store_oriented(GdkPixbuf* upright, int orientation) {
  const int width = gdk_pixbuf_get_width(upright), height = gdk_pixbuf_get_height(upright);
  const bool turned = orientation >= 5;
  Pixbuf stored(gdk_pixbuf_new(GDK_COLORSPACE_RGB, FALSE, 8, turned ? height : width, turned ? width : height));
  for (int y = 0; y < gdk_pixbuf_get_height(stored.get()); ++y) {
    for (int x = 0; x < gdk_pixbuf_get_width(stored.get()); ++x) {
      const auto [from_x, from_y] = upright_position(x, y, width, height, orientation);
      std::copy_n(pixel_at(upright, from_x, from_y), 3, pixel_at(stored.get(), x, y));
    }
  }
  return stored;
}

std::string encode(GdkPixbuf* pixels, const char* format) {
  gchar* data = nullptr;
  gsize size = 0;
  g_autoptr(GError) error = nullptr;
  const bool quality = format == "jpeg"sv || format == "webp"sv || format == "jxl"sv;
  const bool saved =
      gdk_pixbuf_save_to_buffer(pixels, &data, &size, format, &error, quality ? "quality" : nullptr, "100", nullptr);
  ck_assert_msg(saved, "%s: %s", format, error ? error->message : "");
  std::string bytes(data, size);
  g_free(data);
  return bytes;
}

std::string with_exif_jpeg(std::string_view jpeg, int orientation) {
  const std::string exif = "Exif\0\0"s + make_exif(orientation);
  std::string file(jpeg.substr(0, 2));  // SOI
  file += "\xff\xe1";                   // APP1
  append_big_endian(file, static_cast<std::uint32_t>(exif.size() + 2), 2);
  return file + exif + std::string(jpeg.substr(2));
}

std::string with_exif_png(std::string_view png, int orientation) {
  constexpr std::size_t kHeader = 8 + 25;  // the signature and IHDR
  return std::string(png.substr(0, kHeader)) + png_chunk("eXIf" + make_exif(orientation)) +
         std::string(png.substr(kHeader));
}

std::string with_exif_webp(std::string_view webp, int width, int height, int orientation) {
  const std::string exif = make_exif(orientation);
  std::string body = "WEBPVP8X";
  append_little_endian(body, 10, 4);
  append_little_endian(body, 0x08, 4);  // there is an EXIF chunk
  append_little_endian(body, static_cast<std::uint32_t>(width - 1), 3);
  append_little_endian(body, static_cast<std::uint32_t>(height - 1), 3);
  body += webp.substr(12);
  body += "EXIF";
  append_little_endian(body, static_cast<std::uint32_t>(exif.size()), 4);
  body += exif;
  std::string file = "RIFF";
  append_little_endian(file, static_cast<std::uint32_t>(body.size()), 4);
  return file + body;
}

std::string make_tiff(GdkPixbuf* pixels, int orientation) {
  const int width = gdk_pixbuf_get_width(pixels), height = gdk_pixbuf_get_height(pixels);
  constexpr std::uint32_t kEntries = 10, kShort = 3, kLong = 4;
  constexpr std::uint32_t kBits = 8 + 2 + kEntries * 12 + 4, kPixels = kBits + 6;
  std::string file = "II*\0"s;
  append_little_endian(file, 8, 4);
  append_little_endian(file, kEntries, 2);
  const auto entry = [&file](std::uint32_t tag, std::uint32_t type, std::uint32_t count, std::uint32_t value) {
    append_little_endian(file, tag, 2);
    append_little_endian(file, type, 2);
    append_little_endian(file, count, 4);
    append_little_endian(file, value, 4);
  };
  entry(256, kLong, 1, static_cast<std::uint32_t>(width));
  entry(257, kLong, 1, static_cast<std::uint32_t>(height));
  entry(258, kShort, 3, kBits);   // bits per sample
  entry(259, kShort, 1, 1);       // uncompressed
  entry(262, kShort, 1, 2);       // RGB
  entry(273, kLong, 1, kPixels);  // the one strip
  entry(274, kShort, 1, static_cast<std::uint32_t>(orientation));
  entry(277, kShort, 1, 3);  // samples
  entry(278, kLong, 1, static_cast<std::uint32_t>(height));
  entry(279, kLong, 1, static_cast<std::uint32_t>(3 * width * height));
  append_little_endian(file, 0, 4);
  for (int i = 0; i < 3; ++i) append_little_endian(file, 8, 2);
  for (int y = 0; y < height; ++y) file.append(reinterpret_cast<const char*>(pixel_at(pixels, 0, y)), 3 * width);
  return file;
}

std::string make_png_header(std::uint32_t width, std::uint32_t height, bool ended) {
  std::string header = "IHDR";
  append_big_endian(header, width, 4);
  append_big_endian(header, height, 4);
  header += "\x08\x02\0\0\0"sv;  // 8-bit RGB
  return "\x89PNG\r\n\x1a\n" + png_chunk(header) + (ended ? png_chunk("IEND") : "");
}

std::string make_gif() {
  const auto frame = [](char code) {
    // One image of 1 x 1; LZW with 2-bit codes: clear (4), the colour, end (5), three bits each.
    const unsigned codes = 4u | static_cast<unsigned>(code) << 3 | 5u << 6;
    return "\x2c\0\0\0\0\1\0\1\0\0\2\2"s + static_cast<char>(codes & 0xff) + static_cast<char>(codes >> 8) + '\0';
  };
  const std::string header = "GIF89a\1\0\1\0\x80\0\0"s + "\xff\0\0"s + "\0\0\xff"s;  // a palette of red and blue
  return header + frame(0) + frame(1) + ";";
}

}  // namespace clipembed
