// What gdk-pixbuf's loaders do not tell about an image file: whether it ends where it should (libjpeg and libpng fill
// what is missing with grey), the Exif orientation of PNG and WebP, the size that PNG and HEIF declare, and how many
// pictures a GIF or WebP has.
// Walks over the segments, chunks or boxes without decoding; every length is checked. Stateless; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "tools/media/media_file.h"

namespace clipembed {

struct ImageContainer {
  bool complete = true;               // JPEG: there is an EOI marker; PNG: an IEND chunk; true for the others
  int orientation = 1;                // Exif's, 1..8, of PNG and WebP; 1 for the others
  std::uint64_t declared_pixels = 0;  // PNG, and the largest picture in a HEIF file; 0 for the others
  // Of GIF and WebP: the pictures that are there in full, and how long each is shown, in ms.
  std::vector<unsigned> delays = {};
};

ImageContainer inspect_container(MediaType type, std::string_view file);

}  // namespace clipembed
