// A frame's thumbnail and salience: the same picture in every format, strides, ranges, odd and tiny sizes.
#include <cmath>
#include <vector>

#include "lib/video/thumbnail.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

using Bytes = std::vector<std::uint8_t>;

// Grey stripes, `step` levels from one to the next, in a plane of 8 or 16 bits.
Bytes stripes(int width, int height, int stride, int step, int bytes = 1, int shift = 0) {
  Bytes plane(std::size_t(stride) * height, 255);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int level = (16 + (x / 8 + y / 8) % 8 * step) << shift;
      plane[y * stride + x * bytes] = std::uint8_t(level);
      if (bytes == 2) plane[y * stride + x * 2 + 1] = std::uint8_t(level >> 8);
    }
  }
  return plane;
}

Bytes chroma(std::size_t samples, int bytes = 1, int shift = 0) {
  Bytes plane(samples * bytes);
  for (std::size_t i = 0; i < samples; ++i) {
    plane[i * bytes] = std::uint8_t(128 << shift);
    if (bytes == 2) plane[i * 2 + 1] = std::uint8_t((128 << shift) >> 8);
  }
  return plane;
}

constexpr int kWidth = 320, kHeight = 180;
constexpr Colorimetry kFull{.range = Colorimetry::Range::kFull};

FrameSketch planar_sketch(PixelFormat format, int bytes, int shift, int uv_width, int uv_height, int uv_step) {
  const Bytes luma = stripes(kWidth, kHeight, kWidth * bytes, 25, bytes, shift);
  const Bytes uv = chroma(std::size_t(uv_width) * uv_height * uv_step, bytes, shift);
  ImageView view{.format = format, .width = kWidth, .height = kHeight, .colorimetry = kFull};
  const std::ptrdiff_t uv_stride = std::ptrdiff_t{uv_width} * uv_step * bytes;
  view.planes = {{{luma.data(), kWidth * bytes}, {uv.data(), uv_stride}, {uv.data(), uv_stride}}};
  return sketch_frame(view);
}

FrameSketch packed_sketch(PixelFormat format, int step) {
  const Bytes luma = stripes(kWidth, kHeight, kWidth, 25);
  Bytes packed;
  for (const std::uint8_t level : luma) packed.insert(packed.end(), step, level);
  ImageView view{.format = format, .width = kWidth, .height = kHeight};
  view.planes[0] = {packed.data(), kWidth * step};
  return sketch_frame(view);
}

FrameSketch grey_sketch(const Bytes& plane, int width, int height, int stride) {
  ImageView view{.format = PixelFormat::kGray8, .width = width, .height = height};
  view.planes[0] = {plane.data(), stride};
  return sketch_frame(view);
}

void expect_same(const FrameSketch& a, const FrameSketch& b) {
  for (std::size_t i = 0; i < a.thumbnail.luma.size(); ++i) {
    ck_assert_int_le(std::abs(a.thumbnail.luma[i] - b.thumbnail.luma[i]), 1);
  }
  for (std::size_t i = 0; i < a.thumbnail.cb.size(); ++i) {
    ck_assert_int_le(std::abs(a.thumbnail.cb[i] - b.thumbnail.cb[i]), 1);
    ck_assert_int_le(std::abs(a.thumbnail.cr[i] - b.thumbnail.cr[i]), 1);
  }
  ck_assert_double_eq_tol(a.salience.sharpness, b.salience.sharpness, 0.01);
  ck_assert_double_eq_tol(a.salience.entropy, b.salience.entropy, 0.01);
  ck_assert_double_eq_tol(a.salience.luma, b.salience.luma, 0.5);
}

}  // namespace

START_TEST(every_format_gives_the_same_sketch) {
  const FrameSketch grey = packed_sketch(PixelFormat::kGray8, 1);
  constexpr int kHalfWidth = kWidth / 2, kHalfHeight = kHeight / 2;
  for (const auto format : {PixelFormat::kRgb, PixelFormat::kBgr}) expect_same(packed_sketch(format, 3), grey);
  for (const auto format : {PixelFormat::kRgbx, PixelFormat::kBgrx, PixelFormat::kXrgb, PixelFormat::kXbgr}) {
    expect_same(packed_sketch(format, 4), grey);
  }
  for (const auto format : {PixelFormat::kI420, PixelFormat::kYv12}) {
    expect_same(planar_sketch(format, 1, 0, kHalfWidth, kHalfHeight, 1), grey);
  }
  for (const auto format : {PixelFormat::kNv12, PixelFormat::kNv21}) {
    expect_same(planar_sketch(format, 1, 0, kHalfWidth, kHalfHeight, 2), grey);
  }
  expect_same(planar_sketch(PixelFormat::kY42b, 1, 0, kHalfWidth, kHeight, 1), grey);
  expect_same(planar_sketch(PixelFormat::kY444, 1, 0, kWidth, kHeight, 1), grey);
  expect_same(planar_sketch(PixelFormat::kP010, 2, 8, kHalfWidth, kHalfHeight, 2), grey);
  expect_same(planar_sketch(PixelFormat::kI420p10, 2, 2, kHalfWidth, kHalfHeight, 1), grey);
}
END_TEST

START_TEST(strides_are_followed) {
  const Bytes packed = stripes(35, 17, 35, 20), padded = stripes(35, 17, 64, 20);
  expect_same(grey_sketch(packed, 35, 17, 35), grey_sketch(padded, 35, 17, 64));
}
END_TEST

START_TEST(limited_range_is_stretched) {
  const Bytes luma(std::size_t{64} * 36, 235), uv(std::size_t{32} * 18, 240);
  ImageView view{.format = PixelFormat::kI420, .width = 64, .height = 36};
  view.planes = {{{luma.data(), 64}, {uv.data(), 32}, {uv.data(), 32}}};
  const FrameSketch sketch = sketch_frame(view);
  ck_assert_int_eq(sketch.thumbnail.luma[0], 255);
  ck_assert_int_eq(sketch.thumbnail.cb[0], 255);
  ck_assert_double_eq_tol(sketch.salience.luma, 255, 1e-3);
}
END_TEST

START_TEST(any_size_has_a_thumbnail) {
  for (const int width : {1, 2, 3, 63, 65, 1921}) {
    for (const int height : {1, 2, 3, 35, 37, 1081}) {
      const Bytes plane(std::size_t(width) * height, 77);
      const FrameSketch sketch = grey_sketch(plane, width, height, width);
      for (const std::uint8_t level : sketch.thumbnail.luma) ck_assert_int_eq(level, 77);
      ck_assert_double_eq(sketch.salience.sharpness, 0);
      ck_assert_double_eq(sketch.salience.entropy, 0);
    }
  }
}
END_TEST

START_TEST(contrast_and_detail_make_a_frame_salient) {
  const double flat = grey_sketch(stripes(320, 180, 320, 0), 320, 180, 320).salience.score();
  const double faint = grey_sketch(stripes(320, 180, 320, 4), 320, 180, 320).salience.score();
  const double clear = grey_sketch(stripes(320, 180, 320, 25), 320, 180, 320).salience.score();
  ck_assert_double_eq(flat, 0);
  ck_assert_double_gt(faint, 0);
  ck_assert_double_gt(clear, faint);
  ck_assert_double_le(clear, 1);
}
END_TEST

int main() {
  return run_suite("thumbnail", {every_format_gives_the_same_sketch, strides_are_followed, limited_range_is_stretched,
                                 any_size_has_a_thumbnail, contrast_and_detail_make_a_frame_salient});
}
