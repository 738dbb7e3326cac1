// The inner loops of the preprocessing, once for each instruction set this program has: sums of weighted bytes, a block
// at a time. All of them compute the same integers, so all give the same bytes. No state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/image/filter.h"
#include "lib/image/yuv.h"

namespace clipembed {

// Bytes that are summed side by side. The pass across takes a strip of as many rows, transposed, so that a block is a
// column of bytes; the pass down takes as many bytes of a row.
inline constexpr int kBlock = 64;

// Which bytes of a pixel are wanted, and in which order they are to come out.
struct Channels {
  int count;        // 1..3
  int pixel_bytes;  // from one pixel to the next
  int offset[3];    // of each wanted byte in its pixel

  bool operator==(const Channels&) const = default;
};

// A component of every pixel, `step` bytes apart: 1, or 2 where it shares its plane.
struct Component {
  const std::uint8_t* data;
  std::ptrdiff_t step;
};

struct Passes {
  const char* instruction_set;

  // `strip` holds the byte columns of the pixels from filter.begin() on. Writes a column for each channel of each
  // output pixel to `out`.
  void (*across)(const std::uint8_t* strip, const Channels& channels, const Filter& filter, std::uint8_t* out);

  // Sums `taps` rows of `bytes` (whole blocks) into one. `rows` is the first of them.
  void (*down)(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights, int taps, int bytes,
               std::uint8_t* out);

  // Writes `pixels` RGB triples.
  void (*to_rgb)(const YuvCoefficients& k, Component y, Component u, Component v, std::size_t pixels,
                 std::uint8_t* rgb);
};

// What this processor can run, the fastest first; the last runs on any.
std::span<const Passes> supported_passes();

// out[column][row] = in[row][column] for 16 rows of 16 bytes.
void transpose_16x16(const std::uint8_t* in, std::ptrdiff_t in_stride, std::uint8_t* out, std::ptrdiff_t out_stride);

}  // namespace clipembed
