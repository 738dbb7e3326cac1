// What makes R'G'B' of Y'CbCr, by the colorimetry of a picture; passes.h does the sums. Pure; any thread.
#pragma once

#include <cstdint>

#include "lib/image/view.h"

namespace clipembed {

// R = luma (Y - black) + red_v (Cr - 128) and so on, in units of 2^-16.
struct YuvCoefficients {
  static constexpr int kBits = 16;

  std::int32_t luma, red_v, green_u, green_v, blue_u;
  std::int32_t black;  // the luma code of black
};

YuvCoefficients yuv_coefficients(const Colorimetry& colorimetry);

}  // namespace clipembed
