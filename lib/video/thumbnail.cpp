#include "lib/video/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

namespace clipembed {
namespace {

constexpr int kRowsPerCell = 16;  // 480 samples of a 1080p frame's cell: grain is averaged out long before that
constexpr int kDetailRows = 72;   // rows that sharpness and entropy are taken from
constexpr int kBrennerStep = 2;

// Where a channel's samples are in memory.
struct Channel {
  const std::uint8_t* data = nullptr;
  std::ptrdiff_t stride = 0;
  int width = 0, height = 0;
  int step = 1;          // samples from one to the next in a row
  int sample_bytes = 1;  // 2: little-endian
  int shift = 0;         // of a 16-bit sample, down to 8 bits
};

struct Channels {
  std::array<Channel, 3> channel{};  // Y, Cb, Cr or R, G, B
  int count = 3;
  bool rgb = false;
};

Channels packed_rgb(const ImageView& frame, int step, int red, int green, int blue) {
  Channels channels{.rgb = true};
  const int offsets[] = {red, green, blue};
  for (int i = 0; i < 3; ++i) {
    channels.channel[i] = {frame.planes[0].data + offsets[i], frame.planes[0].stride, frame.width, frame.height, step};
  }
  return channels;
}

// `cb`, `cr`: plane and sample within it.
Channels planar(const ImageView& frame, int x_shift, int y_shift, std::array<int, 2> cb, std::array<int, 2> cr,
                int step = 1, int sample_bytes = 1, int shift = 0) {
  Channels channels;
  channels.channel[0] = {
      frame.planes[0].data, frame.planes[0].stride, frame.width, frame.height, 1, sample_bytes, shift};
  const int width = (frame.width + (1 << x_shift) - 1) >> x_shift;
  const int height = (frame.height + (1 << y_shift) - 1) >> y_shift;
  const std::array<int, 2> places[] = {cb, cr};
  for (int i = 0; i < 2; ++i) {
    const auto [plane, sample] = places[i];
    channels.channel[i + 1] = {frame.planes[plane].data + sample * sample_bytes,
                               frame.planes[plane].stride,
                               width,
                               height,
                               step,
                               sample_bytes,
                               shift};
  }
  return channels;
}

Channels channels_of(const ImageView& frame) {
  switch (frame.format) {
    case PixelFormat::kRgb:
      return packed_rgb(frame, 3, 0, 1, 2);
    case PixelFormat::kBgr:
      return packed_rgb(frame, 3, 2, 1, 0);
    case PixelFormat::kRgbx:
      return packed_rgb(frame, 4, 0, 1, 2);
    case PixelFormat::kBgrx:
      return packed_rgb(frame, 4, 2, 1, 0);
    case PixelFormat::kXrgb:
      return packed_rgb(frame, 4, 1, 2, 3);
    case PixelFormat::kXbgr:
      return packed_rgb(frame, 4, 3, 2, 1);
    case PixelFormat::kI420:
      return planar(frame, 1, 1, {1, 0}, {2, 0});
    case PixelFormat::kYv12:
      return planar(frame, 1, 1, {2, 0}, {1, 0});
    case PixelFormat::kNv12:
      return planar(frame, 1, 1, {1, 0}, {1, 1}, 2);
    case PixelFormat::kNv21:
      return planar(frame, 1, 1, {1, 1}, {1, 0}, 2);
    case PixelFormat::kY42b:
      return planar(frame, 1, 0, {1, 0}, {2, 0});
    case PixelFormat::kY444:
      return planar(frame, 0, 0, {1, 0}, {2, 0});
    case PixelFormat::kP010:
      return planar(frame, 1, 1, {1, 0}, {1, 1}, 2, 2, 8);
    case PixelFormat::kI420p10:
      return planar(frame, 1, 1, {1, 0}, {2, 0}, 1, 2, 2);
    case PixelFormat::kGray8:
      break;
  }
  Channels grey{.count = 1};
  grey.channel[0] = {frame.planes[0].data, frame.planes[0].stride, frame.width, frame.height};
  return grey;
}

// One row of a channel as 8-bit samples; the row itself where it is that already.
template <int kStep>
void gather(const std::uint8_t* from, std::uint8_t* to, int count) {
  for (int x = 0; x < count; ++x) to[x] = from[x * kStep];
}

const std::uint8_t* read_row(const Channel& channel, int y, std::vector<std::uint8_t>& line) {
  const std::uint8_t* row = channel.data + y * channel.stride;
  if (channel.step == 1 && channel.sample_bytes == 1) return row;
  const int count = channel.width;
  line.resize(count);
  if (channel.sample_bytes == 2) {
    for (int x = 0; x < count; ++x) {
      const std::uint8_t* sample = row + 2 * x * channel.step;
      line[x] = static_cast<std::uint8_t>((sample[0] | sample[1] << 8) >> channel.shift);
    }
  } else if (channel.step == 2) {
    gather<2>(row, line.data(), count);
  } else if (channel.step == 3) {
    gather<3>(row, line.data(), count);
  } else {
    gather<4>(row, line.data(), count);
  }
  return line.data();
}

// Means of cells; rows are added up first, which is what the vector unit is good at. A frame smaller than its thumbnail
// repeats samples.
void average_cells(const Channel& channel, int columns, int rows, float* cells) {
  std::vector<std::uint16_t> sums(channel.width);
  std::vector<std::uint8_t> line;
  for (int cell_y = 0; cell_y < rows; ++cell_y) {
    const int top = static_cast<int>(std::int64_t{channel.height} * cell_y / rows);
    const int bottom = std::max(top + 1, static_cast<int>(std::int64_t{channel.height} * (cell_y + 1) / rows));
    const int taken = std::min(kRowsPerCell, bottom - top);
    std::ranges::fill(sums, 0);
    for (int i = 0; i < taken; ++i) {
      const std::uint8_t* row = read_row(channel, top + (bottom - top) * i / taken, line);
      for (int x = 0; x < channel.width; ++x) sums[x] = static_cast<std::uint16_t>(sums[x] + row[x]);
    }
    for (int cell_x = 0; cell_x < columns; ++cell_x) {
      const int left = static_cast<int>(std::int64_t{channel.width} * cell_x / columns);
      const int right = std::max(left + 1, static_cast<int>(std::int64_t{channel.width} * (cell_x + 1) / columns));
      std::uint32_t sum = 0;
      for (int x = left; x < right; ++x) sum += sums[x];
      *cells++ = static_cast<float>(sum) / static_cast<float>((right - left) * taken);
    }
  }
}

std::uint8_t to_level(float value) { return static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F)); }

bool is_limited(const ImageView& frame, const Channels& channels) {
  return !channels.rgb && channels.count == 3 && frame.colorimetry.range == Colorimetry::Range::kLimited;
}

constexpr float kLumaGain = 255.0F / 219, kChromaGain = 255.0F / 224;

void fill_from_yuv(const Channels& channels, bool limited, Thumbnail& thumbnail) {
  std::array<float, Thumbnail::kWidth * Thumbnail::kHeight> cells;
  average_cells(channels.channel[0], Thumbnail::kWidth, Thumbnail::kHeight, cells.data());
  for (std::size_t i = 0; i < thumbnail.luma.size(); ++i) {
    thumbnail.luma[i] = to_level(limited ? (cells[i] - 16) * kLumaGain : cells[i]);
  }
  thumbnail.cb.fill(128);
  thumbnail.cr.fill(128);
  for (int c = 1; c < channels.count; ++c) {
    average_cells(channels.channel[c], Thumbnail::kChromaWidth, Thumbnail::kChromaHeight, cells.data());
    auto& plane = c == 1 ? thumbnail.cb : thumbnail.cr;
    for (std::size_t i = 0; i < plane.size(); ++i) {
      plane[i] = to_level(limited ? (cells[i] - 128) * kChromaGain + 128 : cells[i]);
    }
  }
}

// Averages commute with the matrix, so only cells are converted. BT.601, full range, as JFIF has it.
void fill_from_rgb(const Channels& channels, Thumbnail& thumbnail) {
  constexpr int kWidth = Thumbnail::kWidth, kHeight = Thumbnail::kHeight;
  constexpr int kX = kWidth / Thumbnail::kChromaWidth, kY = kHeight / Thumbnail::kChromaHeight;
  std::array<std::array<float, kWidth * kHeight>, 3> rgb;
  for (int c = 0; c < 3; ++c) average_cells(channels.channel[c], kWidth, kHeight, rgb[c].data());
  std::array<float, Thumbnail::kChromaWidth * Thumbnail::kChromaHeight> cb{}, cr{};
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const float red = rgb[0][i], green = rgb[1][i], blue = rgb[2][i];
    const float luma = 0.299F * red + 0.587F * green + 0.114F * blue;
    thumbnail.luma[i] = to_level(luma);
    const int chroma = i / kWidth / kY * Thumbnail::kChromaWidth + i % kWidth / kX;
    cb[chroma] += (blue - luma) * (0.5F / 0.886F);
    cr[chroma] += (red - luma) * (0.5F / 0.701F);
  }
  for (std::size_t i = 0; i < cb.size(); ++i) {
    thumbnail.cb[i] = to_level(128 + cb[i] / (kX * kY));
    thumbnail.cr[i] = to_level(128 + cr[i] / (kX * kY));
  }
}

// Sums of squared differences fit 32 bits for 65,000 samples, the widest row there is.
std::uint32_t squared_difference(const std::uint8_t* a, const std::uint8_t* b, int count) {
  std::uint32_t sum = 0;
  for (int x = 0; x < count; ++x) {
    const int difference = a[x] - b[x];
    sum += static_cast<std::uint32_t>(difference * difference);
  }
  return sum;
}

// Brenner et al., "An automated microscope for cytologic research" (1976): the squared difference of samples two
// apart; here across and down. Of RGB the green channel stands for luma.
Salience salience_of(const Channels& channels, bool limited) {
  const Channel& channel = channels.channel[channels.rgb ? 1 : 0];
  const float gain = limited ? kLumaGain : 1;
  const int rows = std::min(kDetailRows, channel.height);
  std::vector<std::uint8_t> line, below;
  std::array<std::uint32_t, 256> histogram{};
  double squares = 0, pairs = 0, sum = 0, samples = 0;
  for (int i = 0; i < rows; ++i) {
    const int y = static_cast<int>(std::int64_t{channel.height} * i / rows);
    const std::uint8_t* row = read_row(channel, y, line);
    const int across = std::max(0, channel.width - kBrennerStep);
    squares += squared_difference(row, row + std::min(kBrennerStep, channel.width), across);
    pairs += across;
    if (y + kBrennerStep < channel.height) {
      squares += squared_difference(row, read_row(channel, y + kBrennerStep, below), channel.width);
      pairs += channel.width;
    }
    for (int x = i % 4; x < channel.width; x += 4) ++histogram[row[x]];
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
  const Channels channels = channels_of(frame);
  const bool limited = is_limited(frame, channels);
  FrameSketch sketch;
  if (channels.rgb) {
    fill_from_rgb(channels, sketch.thumbnail);
  } else {
    fill_from_yuv(channels, limited, sketch.thumbnail);
  }
  sketch.salience = salience_of(channels, limited);
  return sketch;
}

}  // namespace clipembed
