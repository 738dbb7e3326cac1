// A still image decoded to 8-bit RGB or RGBA, upright. Any thread; blocks while the budget is used up.
//
//   bytes -> container checks -> GdkPixbufLoader (of the format that was sniffed) -> orientation
//
// Why the loaders are called here and not through gdkpixbufdec: they are the same (bit-exact with Pillow for JPEG, CMYK
// too, and PNG), but only here is a picture's size known before its pixels are allocated, are truncated files told from
// whole ones, and is the Exif orientation at hand. 16-bit samples keep their high byte.
#pragma once

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <chrono>
#include <cstdint>

#include "lib/result.h"
#include "tools/gobject_ptr.h"
#include "tools/media/byte_budget.h"
#include "tools/media/deadline.h"
#include "tools/media/media_file.h"

namespace clipembed {

struct StillOptions {
  bool auto_orient = true;  // as Pillow's ImageOps.exif_transpose; TIFF, HEIC, AVIF and JPEG XL decode upright anyhow
  std::uint64_t max_pixels = 16384 * 16384;
};

struct StillImage {
  GObjectPtr<GdkPixbuf> pixels;
  ByteBudget::Lease lease;
  std::chrono::nanoseconds decode{};  // how long it took, with the wait for the budget
};

// `budget` outlives every picture that has a lease of it; nullptr where max_pixels is limit enough. The deadline is
// suspended while waiting for it. Errors: kFormat for content that is damaged, truncated, or
// larger than the limits, kFailed when the file cannot be read.
Result<StillImage> load_still_image(const MediaFile& file, const StillOptions& options, ByteBudget* budget,
                                    Deadline& deadline);

}  // namespace clipembed
