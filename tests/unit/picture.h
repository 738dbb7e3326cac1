// Test pictures as packed RGB: decoded by gdk-pixbuf, whose JPEG (CMYK too) and PNG samples equal Pillow's, or made up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/image/view.h"

struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  clipembed::ImageView view() const;
};

// Alpha is dropped, as Image.convert("RGB") drops it. A file that cannot be decoded ends the test program.
Picture load_picture(const std::string& path);

// Random samples, the same in every run.
Picture noise_picture(int width, int height);

// A file in the folder of reference data, which the environment of the test names.
std::string reference_path(const std::string& name);
