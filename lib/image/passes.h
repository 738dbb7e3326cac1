// The inner loops of the resize, once for each instruction set this program has: sums of weighted bytes, 16 at a time.
// All of them compute the same integers, so all give the same bytes. No state; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/image/filter.h"

namespace clipembed {

// The horizontal pass takes a strip of 16 rows, transposed so that the 16 bytes of a byte column lie side by side.
inline constexpr int kStripRows = 16;

// Which bytes of a pixel are wanted, and in which order they are to come out.
struct Channels {
  int count;         // 1..3
  int pixel_bytes;   // from one pixel to the next
  int offset[3];     // of each wanted byte in its pixel

  bool operator==(const Channels&) const = default;
};

struct Passes {
  const char* instruction_set;

  // `strip` holds the byte columns of the pixels from filter.begin() on. Writes one byte column for each channel of each
  // output pixel to `out`.
  void (*across)(const std::uint8_t* strip, const Channels& channels, const Filter& filter, std::uint8_t* out);

  // Sums `taps` rows of `bytes` (a multiple of 16) into one. `rows` is the first of them.
  void (*down)(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights, int taps, int bytes,
               std::uint8_t* out);
};

// What this processor can run, the fastest first; the last runs on any.
std::span<const Passes> supported_passes();

// out[column][row] = in[row][column] for 16 rows of 16 bytes.
void transpose_16x16(const std::uint8_t* in, std::ptrdiff_t in_stride, std::uint8_t* out, std::ptrdiff_t out_stride);

}  // namespace clipembed
