#include "lib/image/yuv.h"

#include <algorithm>
#include <cmath>

namespace clipembed {
namespace {

constexpr int kBits = 16;

struct Coefficients {  // in units of 2^-16
  std::int32_t luma, red_v, green_u, green_v, blue_u;
  std::int32_t black;  // the luma code of black
};

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

// The inverse of Y' = Kr R' + Kg G' + Kb B', Cb = (B' - Y') / (2 (1 - Kb)), Cr = (R' - Y') / (2 (1 - Kr)), where
// limited range gives luma 219 and chroma 224 of the 255 steps (ITU-T H.273, 8.3).
Coefficients coefficients(const Colorimetry& colorimetry) {
  const auto [kr, kb] = luma_weights(colorimetry.matrix);
  const double kg = 1 - kr - kb;
  const bool limited = colorimetry.range == Colorimetry::Range::kLimited;
  const double luma = limited ? 255.0 / 219 : 1.0;
  const double chroma = limited ? 255.0 / 224 : 1.0;
  const auto fixed = [](double value) { return static_cast<std::int32_t>(std::lround(value * (1 << kBits))); };
  return {fixed(luma),
          fixed(chroma * 2 * (1 - kr)),
          fixed(chroma * 2 * (1 - kb) * kb / kg),
          fixed(chroma * 2 * (1 - kr) * kr / kg),
          fixed(chroma * 2 * (1 - kb)),
          limited ? 16 : 0};
}

std::uint8_t to_byte(std::int32_t value) { return static_cast<std::uint8_t>(std::clamp(value >> kBits, 0, 255)); }

}  // namespace

void yuv_to_rgb(Component y, Component u, Component v, const Colorimetry& colorimetry, std::size_t pixels,
                std::uint8_t* rgb) {
  const Coefficients k = coefficients(colorimetry);
  for (std::size_t i = 0; i < pixels; ++i) {
    const std::int32_t luma = (y.data[i * y.step] - k.black) * k.luma + (1 << (kBits - 1));
    const std::int32_t cb = u.data[i * u.step] - 128;
    const std::int32_t cr = v.data[i * v.step] - 128;
    rgb[3 * i] = to_byte(luma + k.red_v * cr);
    rgb[3 * i + 1] = to_byte(luma - k.green_u * cb - k.green_v * cr);
    rgb[3 * i + 2] = to_byte(luma + k.blue_u * cb);
  }
}

}  // namespace clipembed
