#include "lib/image/yuv.h"

#include <cmath>

namespace clipembed {
namespace {

struct LumaWeights {
  double red, blue;
};

LumaWeights luma_weights(Colorimetry::Matrix matrix) {
  switch (matrix) {
    case Colorimetry::Matrix::kBt709:
      return {0.2126, 0.0722};  // ITU-R BT.709-6, 3.2
    case Colorimetry::Matrix::kBt2020:
      return {0.2627, 0.0593};  // ITU-R BT.2020-2, table 4, non-constant luminance
    case Colorimetry::Matrix::kBt601:
      break;
  }
  return {0.299, 0.114};  // ITU-R BT.601-7, 2.5.1
}

}  // namespace

// The inverse of Y' = Kr R' + Kg G' + Kb B', Cb = (B' - Y') / (2 (1 - Kb)), Cr = (R' - Y') / (2 (1 - Kr)), where
// limited range gives luma 219 and chroma 224 of the 255 steps (ITU-T H.273, 8.3).
YuvCoefficients yuv_coefficients(const Colorimetry& colorimetry) {
  const auto [kr, kb] = luma_weights(colorimetry.matrix);
  const double kg = 1 - kr - kb;
  const bool limited = colorimetry.range == Colorimetry::Range::kLimited;
  const double luma = limited ? 255.0 / 219 : 1.0;
  const double chroma = limited ? 255.0 / 224 : 1.0;
  const auto fixed = [](double value) {
    return static_cast<std::int32_t>(std::lround(value * (1 << YuvCoefficients::kBits)));
  };
  return {fixed(luma),
          fixed(chroma * 2 * (1 - kr)),
          fixed(chroma * 2 * (1 - kb) * kb / kg),
          fixed(chroma * 2 * (1 - kr) * kr / kg),
          fixed(chroma * 2 * (1 - kb)),
          limited ? 16 : 0};
}

}  // namespace clipembed
