// Where the samples of each pixel format lie in memory: the one table of formats. Values only; any thread.
#pragma once

#include <algorithm>

#include "lib/image/view.h"

namespace clipembed {

// How a sample lies in memory: a byte, or with `excess_bits` the lowest bits but these of a little-endian 16-bit word.
struct SampleType {
  int excess_bits = 0;  // 0, or 1..8: bits below the eight that are kept

  int bytes() const { return excess_bits == 0 ? 1 : 2; }
};

// Where the components R, G, B or Y', Cb, Cr of a format lie. GRAY8 has only the first.
struct PixelLayout {
  PixelFormat format;
  const char* name;
  int components;
  int plane[3];          // of each component
  int offset[3];         // of each component in its pixel, in samples
  int pixel_samples[3];  // of each plane, in samples; 0 where there is no such plane
  int chroma_shift_x;    // log2 of luma samples a chroma sample
  int chroma_shift_y;
  SampleType samples;

  int planes() const { return 3 - std::count(pixel_samples, pixel_samples + 3, 0); }
  bool is_rgb() const { return pixel_samples[0] >= 3; }
};

// nullptr for a value that is none of the formats.
const PixelLayout* find_layout(PixelFormat format);

// Samples of a plane that has one for each 2^shift of the picture.
inline int subsampled(int size, int shift) { return (size + (1 << shift) - 1) >> shift; }

}  // namespace clipembed
