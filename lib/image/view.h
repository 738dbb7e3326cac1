// A picture in memory that somebody else owns: format, size, planes with strides, colorimetry. No copies, no ownership;
// a view is valid as long as the memory behind it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace clipembed {

// Memory order, named as GStreamer names them. X is a byte that is ignored: RGBA is read as RGBx, because
// Image.convert("RGB") drops alpha too.
enum class PixelFormat {
  kRgb,
  kBgr,
  kRgbx,
  kBgrx,
  kXrgb,
  kXbgr,
  kGray8,
  kI420,
  kYv12,
  kNv12,
  kNv21,
  kY42b,
  kY444,
  kP010,     // NV12 of 16-bit little-endian samples, whose upper 10 bits count
  kI420p10,  // I420 of 16-bit little-endian samples, whose lower 10 bits count
};

// How Y'CbCr maps to R'G'B'; ignored for RGB and GRAY8.
struct Colorimetry {
  enum class Matrix { kBt601, kBt709, kBt2020 };
  enum class Range { kFull, kLimited };  // luma 0..255, or 16..235 (chroma 16..240)
  Matrix matrix = Matrix::kBt601;
  Range range = Range::kLimited;
};

// Where a chroma sample lies among the luma samples it belongs to. kLeft is what MPEG-2, H.264 and H.265 mean when they
// say nothing, and GStreamer's default; JPEG and MPEG-1 mean kCentre. Ignored where chroma is not subsampled.
enum class ChromaSite { kCentre, kLeft, kTopLeft };

struct Plane {
  const std::uint8_t* data = nullptr;
  std::ptrdiff_t stride = 0;  // bytes from one row to the next
};

// Planes in the format's own order: Y, U, V for I420, Y42B and Y444; Y, V, U for YV12; Y and the interleaved chroma
// plane for NV12 and P010 (U first) and NV21 (V first); one plane for the rest. Chroma planes of odd sizes are rounded
// up.
struct ImageView {
  PixelFormat format = PixelFormat::kRgb;
  int width = 0;
  int height = 0;
  std::array<Plane, 3> planes{};
  Colorimetry colorimetry{};
  ChromaSite chroma_site = ChromaSite::kLeft;
};

}  // namespace clipembed
