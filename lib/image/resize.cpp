#include "lib/image/resize.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace clipembed {
namespace {

constexpr std::size_t kTile = 16;  // of transpose_16x16

// Rows that the window has room for beyond what the pass down needs at once, so that it seldom has to be moved.
constexpr std::size_t kSpareRows = 4 * kBlock;

std::size_t whole(std::size_t unit, std::size_t bytes) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Resizer::Resizer(SampleType samples, Channels channels, Filter columns, Filter rows, const Passes& passes)
    : samples_(samples),
      channels_(channels),
      columns_(std::move(columns)),
      rows_(std::move(rows)),
      passes_(&passes),
      strip_bytes_(std::size_t(columns_.end() - columns_.begin()) * channels.pixel_bytes),
      out_bytes_(columns_.windows.size() * channels.count),
      stride_(whole(kBlock, out_bytes_)),
      window_rows_(rows_.max_taps + kSpareRows),
      bytes_(samples.bytes() == 1 ? 0 : strip_bytes_ * kTile),
      strip_(whole(kTile, strip_bytes_) * kBlock),
      resized_(stride_ * kBlock),
      window_(stride_ * window_rows_),
      row_(stride_) {}

void Resizer::run(const Plane& plane, std::uint8_t* out) {
  int first = rows_.begin();  // rows [first, end) are in the window
  int end = first;
  for (const Window& needed : rows_.windows) {
    while (end < needed.first + needed.taps) {
      if (std::size_t(end - first) + kBlock > window_rows_) {
        std::memmove(window_.data(), &window_[(needed.first - first) * stride_], (end - needed.first) * stride_);
        first = needed.first;
      }
      load_strip(plane, end);
      resize_strip(&window_[(end - first) * stride_]);
      end += kBlock;
    }
    passes_->down(&window_[(needed.first - first) * stride_], stride_, &rows_.weights[needed.weights], needed.taps,
                  stride_, row_.data());
    std::memcpy(out, row_.data(), out_bytes_);
    out += out_bytes_;
  }
}

void Resizer::load_strip(const Plane& plane, int first_row) {
  const int rows = std::min(kBlock, rows_.end() - first_row);
  const std::uint8_t* in = plane.data + first_row * plane.stride +
                           std::ptrdiff_t{columns_.begin()} * channels_.pixel_bytes * samples_.bytes();
  for (int y = 0; y < rows; y += kTile) {
    const std::uint8_t* tiles = in + y * plane.stride;
    if (samples_.bytes() == 1) {
      load_tiles(tiles, plane.stride, rows - y, &strip_[y]);
    } else {
      load_tiles(narrow(tiles, plane.stride, rows - y), strip_bytes_, rows - y, &strip_[y]);
    }
  }
}

// Halves are rounded up, and what that brings beyond white is clipped.
const std::uint8_t* Resizer::narrow(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t rows) {
  const int shift = samples_.excess_bits;
  for (std::size_t y = 0; y < std::min(rows, kTile); ++y, in += stride) {
    std::uint8_t* out = &bytes_[y * strip_bytes_];
    for (std::size_t x = 0; x < strip_bytes_; ++x) {
      const std::uint32_t sample = in[2 * x] | std::uint32_t{in[2 * x + 1]} << 8;
      out[x] = static_cast<std::uint8_t>(std::min((sample + (1u << (shift - 1))) >> shift, 255u));
    }
  }
  return bytes_.data();
}

// Transposes up to 16 rows. The plane may end with its last pixel, so what does not fill a tile goes through a copy.
void Resizer::load_tiles(const std::uint8_t* in, std::ptrdiff_t stride, std::size_t rows, std::uint8_t* out) {
  rows = std::min(rows, kTile);
  for (std::size_t x = 0; x < strip_bytes_; x += kTile) {
    const std::size_t bytes = std::min(kTile, strip_bytes_ - x);
    if (rows == kTile && bytes == kTile) {
      transpose_16x16(in + x, stride, out + x * kBlock, kBlock);
    } else {
      std::uint8_t tile[kTile * kTile] = {};
      for (std::size_t y = 0; y < rows; ++y) std::memcpy(tile + y * kTile, in + std::ptrdiff_t(y) * stride + x, bytes);
      transpose_16x16(tile, kTile, out + x * kBlock, kBlock);
    }
  }
}

void Resizer::resize_strip(std::uint8_t* rows) {
  passes_->across(strip_.data(), channels_, columns_, resized_.data());
  for (std::size_t y = 0; y < kBlock; y += kTile) {
    for (std::size_t x = 0; x < stride_; x += kTile) {
      transpose_16x16(&resized_[x * kBlock + y], kBlock, rows + y * stride_ + x, stride_);
    }
  }
}

}  // namespace clipembed
