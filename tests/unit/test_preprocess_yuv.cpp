// Y'CbCr pictures: within a documented distance of what their RGB original gives, whatever the matrix, the range, the
// subsampling and the place of chroma; and the same bytes however the planes are laid out.
//
// The distances are what rounding to eight bits and halving chroma cost. Cosine 0.9995 of the embeddings is the bar
// that matters; the tests of the tower hold it.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lib/image/passes.h"
#include "lib/image/preprocess.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Real = std::vector<double>;

constexpr Colorimetry::Matrix kMatrices[] = {Colorimetry::Matrix::kBt601, Colorimetry::Matrix::kBt709,
                                             Colorimetry::Matrix::kBt2020};
constexpr Colorimetry::Range kRanges[] = {Colorimetry::Range::kFull, Colorimetry::Range::kLimited};

Bytes preprocess(const ImageView& view, const InputGeometry& geometry = {},
                 const Passes& passes = supported_passes().front()) {
  Bytes rgb(geometry.bytes());
  const Status status = Preprocessor(geometry, passes).run(view, rgb);
  ck_assert_msg(bool(status), "%s", status ? "" : status.error().message.c_str());
  return rgb;
}

struct Yuv {
  int width, height;
  Real y, u, v;  // in code values, not rounded
};

Yuv to_yuv(const Picture& picture, const Colorimetry& colorimetry) {
  const bool bt601 = colorimetry.matrix == Colorimetry::Matrix::kBt601;
  const bool bt709 = colorimetry.matrix == Colorimetry::Matrix::kBt709;
  const double kr = bt601 ? 0.299 : bt709 ? 0.2126 : 0.2627;
  const double kb = bt601 ? 0.114 : bt709 ? 0.0722 : 0.0593;
  const bool limited = colorimetry.range == Colorimetry::Range::kLimited;
  const double luma = limited ? 219 : 255, chroma = limited ? 224 : 255, black = limited ? 16 : 0;
  Yuv yuv{picture.width, picture.height, {}, {}, {}};
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    const double r = picture.rgb[i] / 255., g = picture.rgb[i + 1] / 255., b = picture.rgb[i + 2] / 255.;
    const double y = kr * r + (1 - kr - kb) * g + kb * b;
    yuv.y.push_back(black + luma * y);
    yuv.u.push_back(128 + chroma * (b - y) / (2 * (1 - kb)));
    yuv.v.push_back(128 + chroma * (r - y) / (2 * (1 - kr)));
  }
  return yuv;
}

// Halves the samples of a row or a column, `step` apart: each new one is the mean of two, or with cosited chroma the
// 1 2 1 average around the first of them.
Real halve(const Real& in, int lines, int line_step, int count, int step, bool cosited) {
  const int half = (count + 1) / 2;
  Real out(std::size_t(lines) * half);
  for (int line = 0; line < lines; ++line) {
    const auto at = [&](int i) { return in[line * line_step + std::min(std::max(i, 0), count - 1) * step]; };
    for (int i = 0; i < half; ++i) {
      const double mean =
          cosited ? (at(2 * i - 1) + 2 * at(2 * i) + at(2 * i + 1)) / 4 : (at(2 * i) + at(2 * i + 1)) / 2;
      out[step == 1 ? line * half + i : i * lines + line] = mean;
    }
  }
  return out;
}

Real subsample(const Real& plane, int width, int height, bool vertically, ChromaSite site) {
  const Real narrow = halve(plane, height, width, width, 1, site != ChromaSite::kCentre);
  const int half = (width + 1) / 2;
  return vertically ? halve(narrow, half, 1, height, half, site == ChromaSite::kTopLeft) : narrow;
}

Bytes rounded(const Real& plane) {
  Bytes bytes;
  for (const double value : plane) bytes.push_back(std::uint8_t(std::min(std::max(std::lround(value), 0L), 255L)));
  return bytes;
}

// Planes that are in memory: what an ImageView of Y444, Y42B or I420 shows.
struct Planar {
  ImageView view;
  Bytes y, u, v;

  Planar(const Picture& picture, PixelFormat format, Colorimetry colorimetry, ChromaSite site = ChromaSite::kCentre)
      : view{format, picture.width, picture.height, {}, colorimetry, site} {
    Yuv yuv = to_yuv(picture, colorimetry);
    if (format != PixelFormat::kY444) {
      const bool vertically = format == PixelFormat::kI420;
      yuv.u = subsample(yuv.u, yuv.width, yuv.height, vertically, site);
      yuv.v = subsample(yuv.v, yuv.width, yuv.height, vertically, site);
    }
    y = rounded(yuv.y), u = rounded(yuv.u), v = rounded(yuv.v);
    const std::ptrdiff_t chroma = format == PixelFormat::kY444 ? yuv.width : (yuv.width + 1) / 2;
    view.planes = {{{y.data(), yuv.width}, {u.data(), chroma}, {v.data(), chroma}}};
  }
  Planar(const Planar&) = delete;
};

double mean_difference(const Bytes& a, const Bytes& b) {
  ck_assert_uint_eq(a.size(), b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / double(a.size());
}

Picture photo() { return load_picture(reference_path("images/butterfly.jpg")); }

START_TEST(full_chroma_is_within_a_level_of_rgb_in_every_colorimetry) {
  const Picture picture = photo();
  const Bytes rgb = preprocess(picture.view());
  for (const Colorimetry::Matrix matrix : kMatrices) {
    for (const Colorimetry::Range range : kRanges) {
      const double difference =
          mean_difference(preprocess(Planar(picture, PixelFormat::kY444, {matrix, range}).view), rgb);
      ck_assert_msg(difference < 0.75, "matrix %d, range %d: %.3f levels", int(matrix), int(range), difference);
    }
  }
}
END_TEST

START_TEST(halved_chroma_is_within_a_level_of_rgb) {
  const Picture picture = photo();
  const Bytes rgb = preprocess(picture.view());
  for (const PixelFormat format : {PixelFormat::kY42b, PixelFormat::kI420}) {
    for (const ChromaSite site : {ChromaSite::kCentre, ChromaSite::kLeft, ChromaSite::kTopLeft}) {
      const double difference = mean_difference(preprocess(Planar(picture, format, {}, site).view), rgb);
      ck_assert_msg(difference < 1, "format %d, site %d: %.3f levels", int(format), int(site), difference);
    }
  }
}
END_TEST

START_TEST(chroma_is_taken_from_where_it_is_sited) {
  const Picture picture = photo();
  const Bytes rgb = preprocess(picture.view());
  for (const ChromaSite site : {ChromaSite::kCentre, ChromaSite::kLeft, ChromaSite::kTopLeft}) {
    Planar planar(picture, PixelFormat::kI420, {}, site);
    const double right = mean_difference(preprocess(planar.view), rgb);
    for (const ChromaSite other : {ChromaSite::kCentre, ChromaSite::kLeft, ChromaSite::kTopLeft}) {
      if (other == site) continue;
      planar.view.chroma_site = other;
      ck_assert_double_gt(mean_difference(preprocess(planar.view), rgb), right);
    }
  }
}
END_TEST

START_TEST(colours_come_back_in_every_colorimetry) {
  constexpr std::uint8_t kColours[][3] = {{0, 0, 0},   {255, 255, 255}, {128, 128, 128}, {255, 0, 0},   {0, 255, 0},
                                          {0, 0, 255}, {255, 255, 0},   {0, 255, 255},   {255, 0, 255}, {12, 200, 90}};
  for (const Colorimetry::Matrix matrix : kMatrices) {
    for (const Colorimetry::Range range : kRanges) {
      for (const auto& colour : kColours) {
        Picture picture{2, 2, {}};
        for (int i = 0; i < 4; ++i) picture.rgb.insert(picture.rgb.end(), colour, colour + 3);
        const Bytes rgb = preprocess(Planar(picture, PixelFormat::kI420, {matrix, range}).view);
        int furthest = 0;
        for (std::size_t i = 0; i < rgb.size(); ++i) furthest = std::max(furthest, std::abs(rgb[i] - colour[i % 3]));
        // Codes are rounded to half a step; the largest factor, 2.15 for blue in BT.2020, makes two levels of that.
        ck_assert_msg(furthest <= 2, "matrix %d, range %d: %d %d %d came back %d levels off", int(matrix), int(range),
                      colour[0], colour[1], colour[2], furthest);
      }
    }
  }
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_bytes) {
  const Planar planar(noise_picture(333, 501), PixelFormat::kI420, {});
  ImageView shared = planar.view;  // two components of a plane, two bytes apart
  shared.format = PixelFormat::kNv12;
  shared.planes = {{planar.view.planes[0], {planar.y.data(), 334}}};
  for (const ImageView& view : {planar.view, shared}) {
    const Bytes wanted = preprocess(view, {}, supported_passes().back());
    for (const Passes& passes : supported_passes())
      ck_assert_msg(preprocess(view, {}, passes) == wanted, "%s differs", passes.instruction_set);
  }
}
END_TEST

// Colours are converted by blocks of 64 pixels, and a crop of 224 x 224 is whole ones.
START_TEST(the_last_pixels_are_converted_as_the_others) {
  const Planar planar(noise_picture(300, 224), PixelFormat::kI420, {});
  const Bytes whole = preprocess(planar.view);
  for (const Passes& passes : supported_passes()) {
    for (const int rows : {223, 221, 219}) {
      const Bytes cropped = preprocess(planar.view, {224, 224, rows}, passes);
      ck_assert_uint_ne(cropped.size() / 3 % 64, 0);
      ck_assert(std::equal(cropped.begin(), cropped.end(), whole.begin() + (224 - rows) / 2 * 224 * 3));
    }
  }
}
END_TEST

START_TEST(every_layout_of_halved_chroma_gives_what_i420_gives) {
  for (const auto& [width, height] : {std::pair{318, 250}, {317, 251}, {3, 1}, {1, 1}}) {
    const Planar planar(noise_picture(width, height), PixelFormat::kI420, {});
    const Bytes wanted = preprocess(planar.view);

    ImageView view = planar.view;
    view.format = PixelFormat::kYv12;
    std::swap(view.planes[1], view.planes[2]);
    ck_assert(preprocess(view) == wanted);

    Bytes uv, vu;
    for (std::size_t i = 0; i < planar.u.size(); ++i) {
      uv.insert(uv.end(), {planar.u[i], planar.v[i]});
      vu.insert(vu.end(), {planar.v[i], planar.u[i]});
    }
    const std::ptrdiff_t stride = 2 * ((width + 1) / 2);
    view.format = PixelFormat::kNv12;
    view.planes = {{planar.view.planes[0], {uv.data(), stride}}};
    ck_assert(preprocess(view) == wanted);
    view.format = PixelFormat::kNv21;
    view.planes[1].data = vu.data();
    ck_assert(preprocess(view) == wanted);
  }
}
END_TEST

// The ten bits of a sample whose upper eight are given, rounded to which they give the eight back.
std::uint16_t ten_bits(std::uint8_t sample, std::size_t i) {
  return std::min(4 * sample + int(i % 3) - 1, 1023) & 1023;
}

START_TEST(ten_bits_are_rounded_to_eight) {
  for (const auto& [width, height] : {std::pair{318, 250}, {317, 251}, {3, 1}, {1, 1}}) {
    Planar planar(noise_picture(width, height), PixelFormat::kI420, {});
    for (Bytes* plane : {&planar.y, &planar.u, &planar.v}) {
      for (std::uint8_t& sample : *plane) sample = std::max<std::uint8_t>(sample, 1);
    }
    const Bytes wanted = preprocess(planar.view);

    Bytes low_bits[3], luma_high_bits, pairs;  // little-endian words
    const Bytes* planes[] = {&planar.y, &planar.u, &planar.v};
    for (int p = 0; p < 3; ++p) {
      for (std::size_t i = 0; i < planes[p]->size(); ++i) {
        const std::uint16_t word = ten_bits((*planes[p])[i], i);
        low_bits[p].insert(low_bits[p].end(), {std::uint8_t(word & 255), std::uint8_t(word >> 8)});
      }
    }
    const auto high = [](Bytes& out, const Bytes& low, std::size_t i) {
      const unsigned word = (low[2 * i] | low[2 * i + 1] << 8) << 6;
      out.insert(out.end(), {std::uint8_t(word & 255), std::uint8_t(word >> 8)});
    };
    for (std::size_t i = 0; i < planar.y.size(); ++i) high(luma_high_bits, low_bits[0], i);
    for (std::size_t i = 0; i < planar.u.size(); ++i) {
      high(pairs, low_bits[1], i);
      high(pairs, low_bits[2], i);
    }

    const std::ptrdiff_t half = (width + 1) / 2;
    ImageView view = planar.view;
    view.format = PixelFormat::kI420p10;
    view.planes = {{{low_bits[0].data(), 2 * width}, {low_bits[1].data(), 2 * half}, {low_bits[2].data(), 2 * half}}};
    ck_assert(preprocess(view) == wanted);
    view.format = PixelFormat::kP010;
    view.planes = {{{luma_high_bits.data(), 2 * width}, {pairs.data(), 4 * half}}};
    ck_assert(preprocess(view) == wanted);
  }
}
END_TEST

START_TEST(rounding_ten_bits_stays_white) {
  const Bytes white(2 * 8 * 8, 0xff), grey(2 * 8 * 8, 0x80);
  ImageView view{PixelFormat::kP010, 8, 8, {{{white.data(), 16}, {grey.data(), 16}}}};
  view.colorimetry.range = Colorimetry::Range::kFull;
  for (const std::uint8_t sample : preprocess(view)) ck_assert_int_ge(sample, 253);  // chroma is 128.5
}
END_TEST

}  // namespace

int main() {
  return run_suite("preprocess_yuv",
                   {full_chroma_is_within_a_level_of_rgb_in_every_colorimetry, halved_chroma_is_within_a_level_of_rgb,
                    chroma_is_taken_from_where_it_is_sited, colours_come_back_in_every_colorimetry,
                    every_instruction_set_gives_the_same_bytes, the_last_pixels_are_converted_as_the_others,
                    every_layout_of_halved_chroma_gives_what_i420_gives, ten_bits_are_rounded_to_eight,
                    rounding_ten_bits_stays_white});
}
