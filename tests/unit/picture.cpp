#include "tests/unit/picture.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <cstdlib>

clipembed::ImageView Picture::view() const {
  return {clipembed::PixelFormat::kRgb, width, height, {{{rgb.data(), std::ptrdiff_t{3} * width}}}};
}

Picture load_picture(const std::string& path) {
  GError* error = nullptr;
  GdkPixbuf* pixbuf = gdk_pixbuf_new_from_file(path.c_str(), &error);
  if (!pixbuf) g_error("%s", error->message);

  Picture picture{gdk_pixbuf_get_width(pixbuf), gdk_pixbuf_get_height(pixbuf), {}};
  const std::uint8_t* samples = gdk_pixbuf_read_pixels(pixbuf);
  const std::size_t stride = gdk_pixbuf_get_rowstride(pixbuf);
  const int channels = gdk_pixbuf_get_n_channels(pixbuf);
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const std::uint8_t* pixel = samples + y * stride + std::size_t(x) * channels;
      picture.rgb.insert(picture.rgb.end(), pixel, pixel + 3);
    }
  }
  g_object_unref(pixbuf);
  return picture;
}

Picture noise_picture(int width, int height) {
  Picture picture{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  std::uint32_t state = 1;
  for (std::uint8_t& sample : picture.rgb) {
    state = state * 1664525 + 1013904223;  // Numerical Recipes' generator; its high bits are the random ones
    sample = state >> 24;
  }
  return picture;
}

std::string reference_path(const std::string& name) {
  const char* folder = std::getenv("CLIPEMBED_REFERENCE");
  if (!folder) g_error("CLIPEMBED_REFERENCE is not set; run the tests with `meson test`");
  return std::string(folder) + "/" + name;
}
