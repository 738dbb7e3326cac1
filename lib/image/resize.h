// One plane of samples from its own size to the crop of its resized self, as Pillow's Image.resize(BICUBIC) and crop
// give it byte for byte: first across, rounded to bytes, then down. Samples of more than 8 bits are rounded to bytes
// first. Only what survives the crop is computed, and of the rows in between only a window is ever held. Not
// thread-safe: one per plane and stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/image/filter.h"
#include "lib/image/layout.h"
#include "lib/image/passes.h"
#include "lib/image/view.h"

namespace clipembed {

class Resizer {
 public:
  // `channels` counts samples as bytes. `columns` and `rows` are the filters of the output pixels that survive the
  // crop. `passes` lives for ever.
  Resizer(SampleType samples, Channels channels, Filter columns, Filter rows, const Passes& passes);

  // Reads the pixels that the filters name. `out` receives the wanted channels of every output pixel, rows packed.
  void run(const Plane& plane, std::uint8_t* out);

 private:
  void load_strip(const Plane& plane, int first_row);
  const std::uint8_t* narrow(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t rows);
  void load_tiles(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t rows, std::uint8_t* out);
  void resize_strip(std::uint8_t* rows);

  SampleType samples_;
  Channels channels_;
  Filter columns_;
  Filter rows_;
  const Passes* passes_;
  std::size_t strip_bytes_;            // of a row of the plane that are read
  std::size_t out_bytes_;              // of an output row
  std::size_t stride_;                 // of window_: out_bytes_ rounded up to whole blocks
  std::size_t window_rows_;            // that window_ has room for
  std::vector<std::uint8_t> bytes_;    // a tile's input rows, rounded to bytes; unused where they are bytes
  std::vector<std::uint8_t> strip_;    // kBlock input rows, transposed
  std::vector<std::uint8_t> resized_;  // the same rows after the pass across, still transposed
  std::vector<std::uint8_t> window_;   // consecutive rows after the pass across
  std::vector<std::uint8_t> row_;      // one row after the pass down
};

}  // namespace clipembed
