#include "lib/video/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "lib/image/layout.h"

namespace clipembed {
namespace {

constexpr int kRowsPerCell = 8;  // 240 samples of a 1080p frame's cell: grain is averaged out long before that
constexpr int kDetailRows = 48;  // rows that sharpness and entropy are taken from
constexpr int kBrennerStep = 2;

// One plane in memory, and the channels (Y, Cb, Cr or R, G, B) whose samples take turns in it.
struct Samples {
  Plane plane;
  int width = 0, height = 0;             // samples of one channel
  int step = 1;                          // samples from one of a channel to its next
  std::array<int, 3> channels{0, 0, 0};  // the n-th channel of the plane is the frame's channels[n]-th, ...
  std::array<int, 3> offsets{0, 0, 0};   // and begins at this sample
  int count = 0;                         // of channels
};

// The planes of a frame.
struct Layout {
  std::array<Samples, 3> planes{};
  int count = 1;
  int sample_bytes = 1;  // 2: little-endian
  int shift = 0;         // of a 16-bit sample, down to 8 bits
  bool rgb = false, grey = false;
};

Layout layout_of(const ImageView& frame) {
  const PixelLayout& pixels = *find_layout(frame.format);
  Layout layout{.count = pixels.planes(),
                .sample_bytes = pixels.samples.bytes(),
                .shift = pixels.samples.excess_bits,
                .rgb = pixels.is_rgb(),
                .grey = pixels.components == 1};
  for (int p = 0; p < layout.count; ++p) {
    Samples& plane = layout.planes[p];
    plane = {.plane = frame.planes[p],
             .width = p == 0 ? frame.width : subsampled(frame.width, pixels.chroma_shift_x),
             .height = p == 0 ? frame.height : subsampled(frame.height, pixels.chroma_shift_y),
             .step = pixels.pixel_samples[p]};
    for (int c = 0; c < pixels.components; ++c) {
      if (pixels.plane[c] != p) continue;
      plane.channels[plane.count] = c;
      plane.offsets[plane.count++] = pixels.offset[c];
    }
  }
  return layout;
}

std::uint16_t read_sample(const std::uint8_t* sample) { return static_cast<std::uint16_t>(sample[0] | sample[1] << 8); }

int cell_edge(int size, int cell, int cells) { return static_cast<int>(std::int64_t{size} * cell / cells); }

// Means of the cells of each channel in a plane. Whole rows are added up first, which is what the vector unit is good
// at. A frame smaller than its thumbnail repeats samples.
void average_cells(const Layout& layout, const Samples& samples, int columns, int rows,
                   const std::array<float*, 3>& cells) {
  const int row_samples = samples.width * samples.step;
  std::vector<std::uint16_t> sums(row_samples);
  for (int cell_y = 0; cell_y < rows; ++cell_y) {
    const int top = cell_edge(samples.height, cell_y, rows);
    const int bottom = std::max(top + 1, cell_edge(samples.height, cell_y + 1, rows));
    const int taken = std::min(kRowsPerCell, bottom - top);
    std::ranges::fill(sums, 0);
    for (int i = 0; i < taken; ++i) {
      const std::uint8_t* row = samples.plane.data + (top + (bottom - top) * i / taken) * samples.plane.stride;
      std::uint16_t* sum = sums.data();
      if (layout.sample_bytes == 1) {
        for (int x = 0; x < row_samples; ++x) sum[x] = static_cast<std::uint16_t>(sum[x] + row[x]);
      } else {
        for (int x = 0; x < row_samples; ++x) {
          sum[x] = static_cast<std::uint16_t>(sum[x] + (read_sample(row + 2 * x) >> layout.shift));
        }
      }
    }
    for (int channel = 0; channel < samples.count; ++channel) {
      float* out = cells[samples.channels[channel]] + cell_y * columns;
      for (int cell_x = 0; cell_x < columns; ++cell_x) {
        const int left = cell_edge(samples.width, cell_x, columns);
        const int right = std::max(left + 1, cell_edge(samples.width, cell_x + 1, columns));
        std::uint32_t sum = 0;
        for (int x = left; x < right; ++x) sum += sums[x * samples.step + samples.offsets[channel]];
        out[cell_x] = static_cast<float>(sum) / static_cast<float>((right - left) * taken);
      }
    }
  }
}

std::uint8_t to_level(float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F)); }

constexpr float kLumaGain = 255.0F / 219, kChromaGain = 255.0F / 224;
using Cells = std::array<float, Thumbnail::kWidth * Thumbnail::kHeight>;

void fill_from_yuv(const Layout& layout, bool limited, Thumbnail& thumbnail) {
  std::array<Cells, 3> cells;
  const std::array<float*, 3> out{cells[0].data(), cells[1].data(), cells[2].data()};
  average_cells(layout, layout.planes[0], Thumbnail::kWidth, Thumbnail::kHeight, out);
  for (int i = 1; i < layout.count; ++i) {
    average_cells(layout, layout.planes[i], Thumbnail::kChromaWidth, Thumbnail::kChromaHeight, out);
  }
  for (std::size_t i = 0; i < thumbnail.luma.size(); ++i) {
    thumbnail.luma[i] = to_level(limited ? (cells[0][i] - 16) * kLumaGain : cells[0][i]);
  }
  for (std::size_t i = 0; i < thumbnail.cb.size(); ++i) {
    const float gain = limited ? kChromaGain : 1;
    thumbnail.cb[i] = layout.grey ? 128 : to_level((cells[1][i] - 128) * gain + 128);
    thumbnail.cr[i] = layout.grey ? 128 : to_level((cells[2][i] - 128) * gain + 128);
  }
}

// Averages commute with the matrix, so only cells are converted. BT.601, full range, as JFIF has it.
void fill_from_rgb(const Layout& layout, Thumbnail& thumbnail) {
  constexpr int kWidth = Thumbnail::kWidth, kHeight = Thumbnail::kHeight;
  constexpr int kX = kWidth / Thumbnail::kChromaWidth, kY = kHeight / Thumbnail::kChromaHeight;
  std::array<Cells, 3> rgb;
  average_cells(layout, layout.planes[0], kWidth, kHeight, {rgb[0].data(), rgb[1].data(), rgb[2].data()});
  std::array<float, Thumbnail::kChromaWidth * Thumbnail::kChromaHeight> cb{}, cr{};
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const float luma = 0.299F * rgb[0][i] + 0.587F * rgb[1][i] + 0.114F * rgb[2][i];
    thumbnail.luma[i] = to_level(luma);
    const int chroma = i / kWidth / kY * Thumbnail::kChromaWidth + i % kWidth / kX;
    cb[chroma] += (rgb[2][i] - luma) * (0.5F / 0.886F);
    cr[chroma] += (rgb[0][i] - luma) * (0.5F / 0.701F);
  }
  for (std::size_t i = 0; i < cb.size(); ++i) {
    thumbnail.cb[i] = to_level(128 + cb[i] / (kX * kY));
    thumbnail.cr[i] = to_level(128 + cr[i] / (kX * kY));
  }
}

// One row of luma, or of green, as 8-bit samples; the row itself where it is that already.
const std::uint8_t* read_row(const Layout& layout, int y, std::vector<std::uint8_t>& line) {
  const Samples& samples = layout.planes[0];
  const std::uint8_t* row = samples.plane.data + y * samples.plane.stride;
  if (samples.step == 1 && layout.sample_bytes == 1) return row;
  line.resize(samples.width);
  if (layout.sample_bytes == 2) {
    for (int x = 0; x < samples.width; ++x) {
      line[x] = static_cast<std::uint8_t>(read_sample(row + 2 * x) >> layout.shift);
    }
  } else {
    const std::uint8_t* green = row + samples.offsets[1];
    for (int x = 0; x < samples.width; ++x) line[x] = green[x * samples.step];
  }
  return line.data();
}

// In pieces whose sum fits 32 bits; 16-bit factors are what vector units multiply and add in one instruction.
double squared_difference(const std::uint8_t* a, const std::uint8_t* b, int count) {
  constexpr int kPiece = 16384;
  double total = 0;
  for (int start = 0; start < count; start += kPiece) {
    const int end = std::min(count, start + kPiece);
    std::int32_t sum = 0;
    for (int x = start; x < end; ++x) {
      const auto difference = static_cast<std::int16_t>(a[x] - b[x]);
      sum += difference * difference;
    }
    total += sum;
  }
  return total;
}

// Brenner et al., "An automated microscope for cytologic research" (1976): the squared difference of samples two
// apart; here across and down. Of RGB the green channel stands for luma.
Salience salience_of(const Layout& layout, bool limited) {
  const int width = layout.planes[0].width, height = layout.planes[0].height;
  const float gain = limited ? kLumaGain : 1;
  const int rows = std::min(kDetailRows, height);
  std::vector<std::uint8_t> line, below;
  std::array<std::uint32_t, 256> histogram{};
  double squares = 0, pairs = 0, sum = 0, samples = 0;
  for (int i = 0; i < rows; ++i) {
    const int y = cell_edge(height, i, rows);
    const std::uint8_t* row = read_row(layout, y, line);
    if (width > kBrennerStep) {
      squares += squared_difference(row, row + kBrennerStep, width - kBrennerStep);
      pairs += width - kBrennerStep;
    }
    if (y + kBrennerStep < height) {
      squares += squared_difference(row, read_row(layout, y + kBrennerStep, below), width);
      pairs += width;
    }
    for (int x = i % 4; x < width; x += 4) ++histogram[row[x]];
  }
  for (int level = 0; level < 256; ++level) {
    samples += histogram[level];
    sum += static_cast<double>(histogram[level]) * level;
  }
  Salience salience;
  if (pairs > 0) salience.sharpness = gain * std::sqrt(squares / pairs);
  if (samples == 0) return salience;
  for (const std::uint32_t count : histogram) {
    if (count > 0) salience.entropy -= count / samples * std::log2(count / samples);
  }
  salience.luma = std::clamp(limited ? (sum / samples - 16) * gain : sum / samples, 0.0, 255.0);
  return salience;
}

}  // namespace

// Half of the sharpness counts at 12 levels, about what a well-focused camera gives.
double Salience::score() const {
  constexpr double kHalf = 12;
  return entropy / 8 * (sharpness / (sharpness + kHalf));
}

FrameSketch sketch_frame(const ImageView& frame) {
  const Layout layout = layout_of(frame);
  const bool limited = !layout.rgb && !layout.grey && frame.colorimetry.range == Colorimetry::Range::kLimited;
  FrameSketch sketch;
  if (layout.rgb) {
    fill_from_rgb(layout, sketch.thumbnail);
  } else {
    fill_from_yuv(layout, limited, sketch.thumbnail);
  }
  sketch.salience = salience_of(layout, limited);
  return sketch;
}

}  // namespace clipembed
