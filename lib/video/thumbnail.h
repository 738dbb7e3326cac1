// A frame made small: what shots and frames are compared by, and how much there is to see in it. Plain functions of
// their arguments; no locks, any thread.
//
//   ImageView, any format and size -> planes of cell means, in full-range Y'CbCr; sharpness, entropy, mean luma
#pragma once

#include <array>
#include <cstdint>

#include "lib/image/view.h"

namespace clipembed {

// The aspect ratio is given up: thumbnails of one stream are all compared cell by cell.
struct Thumbnail {
  static constexpr int kWidth = 64, kHeight = 36;
  static constexpr int kChromaWidth = 16, kChromaHeight = 9;

  std::array<std::uint8_t, kWidth * kHeight> luma{};
  std::array<std::uint8_t, kChromaWidth * kChromaHeight> cb{}, cr{};
};

struct Salience {
  double sharpness = 0;  // root mean square of the Brenner gradient, in levels of 255 a pixel; a flat frame has 0
  double entropy = 0;    // of the luma histogram, in bits, 0 to 8
  double luma = 0;       // mean, 0 to 255

  // What frames of one shot are ranked by, 0 to 1: a frame wants both detail and range.
  double score() const;
};

struct FrameSketch {
  Thumbnail thumbnail;
  Salience salience;
};

// Precondition: width and height are at least 1, and planes hold what the format says. Reads at most 16 rows a row of
// cells, so that large frames do not take longer.
FrameSketch sketch_frame(const ImageView& frame);

}  // namespace clipembed
