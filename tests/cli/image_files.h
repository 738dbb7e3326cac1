// Image files made for the tests: damaged, oriented, or in formats that tests/data/reference has none of. Contents of
// files, as bytes.
#pragma once

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/gobject_ptr.h"

namespace clipembed {

using Pixbuf = GObjectPtr<GdkPixbuf>;

// Red grows to the right and green downwards, so that no two orientations look the same and JPEG keeps it. RGB.
Pixbuf make_gradient(int width, int height);

// The pixels a camera stores that was held so that `orientation` (Exif, 1..8) shows `upright`.
Pixbuf store_oriented(GdkPixbuf* upright, int orientation);

// `format`: jpeg, png, bmp, jxl, webp (lossless).
std::string encode(GdkPixbuf* pixels, const char* format);

// With an Exif segment or chunk that holds nothing but the orientation.
std::string with_exif_jpeg(std::string_view jpeg, int orientation);
std::string with_exif_png(std::string_view png, int orientation);
std::string with_exif_webp(std::string_view webp, int width, int height, int orientation);
std::string make_tiff(GdkPixbuf* pixels, int orientation);

// A signature and an IHDR, without pixels, and with or without an end.
std::string make_png_header(std::uint32_t width, std::uint32_t height, bool ended);

// Two frames of 1 x 1: the first red, the second blue.
std::string make_gif();

}  // namespace clipembed
