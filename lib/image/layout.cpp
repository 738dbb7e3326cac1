#include "lib/image/layout.h"

#include <iterator>

namespace clipembed {
namespace {

constexpr PixelLayout kLayouts[] = {
    {PixelFormat::kRgb, "RGB", 3, {0, 0, 0}, {0, 1, 2}, {3, 0, 0}, 0, 0, {}},
    {PixelFormat::kBgr, "BGR", 3, {0, 0, 0}, {2, 1, 0}, {3, 0, 0}, 0, 0, {}},
    {PixelFormat::kRgbx, "RGBx", 3, {0, 0, 0}, {0, 1, 2}, {4, 0, 0}, 0, 0, {}},
    {PixelFormat::kBgrx, "BGRx", 3, {0, 0, 0}, {2, 1, 0}, {4, 0, 0}, 0, 0, {}},
    {PixelFormat::kXrgb, "xRGB", 3, {0, 0, 0}, {1, 2, 3}, {4, 0, 0}, 0, 0, {}},
    {PixelFormat::kXbgr, "xBGR", 3, {0, 0, 0}, {3, 2, 1}, {4, 0, 0}, 0, 0, {}},
    {PixelFormat::kGray8, "GRAY8", 1, {0, 0, 0}, {0, 0, 0}, {1, 0, 0}, 0, 0, {}},
    {PixelFormat::kI420, "I420", 3, {0, 1, 2}, {0, 0, 0}, {1, 1, 1}, 1, 1, {}},
    {PixelFormat::kYv12, "YV12", 3, {0, 2, 1}, {0, 0, 0}, {1, 1, 1}, 1, 1, {}},
    {PixelFormat::kNv12, "NV12", 3, {0, 1, 1}, {0, 0, 1}, {1, 2, 0}, 1, 1, {}},
    {PixelFormat::kNv21, "NV21", 3, {0, 1, 1}, {0, 1, 0}, {1, 2, 0}, 1, 1, {}},
    {PixelFormat::kY42b, "Y42B", 3, {0, 1, 2}, {0, 0, 0}, {1, 1, 1}, 1, 0, {}},
    {PixelFormat::kY444, "Y444", 3, {0, 1, 2}, {0, 0, 0}, {1, 1, 1}, 0, 0, {}},
    {PixelFormat::kP010, "P010", 3, {0, 1, 1}, {0, 0, 1}, {1, 2, 0}, 1, 1, {8}},
    {PixelFormat::kI420p10, "I420_10LE", 3, {0, 1, 2}, {0, 0, 0}, {1, 1, 1}, 1, 1, {2}},
};

}  // namespace

const PixelLayout* find_layout(PixelFormat format) {
  const auto* found = std::ranges::find(kLayouts, format, &PixelLayout::format);
  return found == std::end(kLayouts) ? nullptr : found;
}

}  // namespace clipembed
