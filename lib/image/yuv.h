// Y'CbCr to R'G'B' for pictures that are already at the model's size. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/image/view.h"

namespace clipembed {

// A component of every pixel, `step` bytes apart.
struct Component {
  const std::uint8_t* data;
  std::ptrdiff_t step;
};

// Writes `pixels` RGB triples.
void yuv_to_rgb(Component y, Component u, Component v, const Colorimetry& colorimetry, std::size_t pixels,
                std::uint8_t* rgb);

}  // namespace clipembed
