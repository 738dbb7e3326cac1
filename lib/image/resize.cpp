#include "lib/image/resize.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace clipembed {
namespace {

constexpr std::size_t kVector = 16;

// Rows that the window has room for beyond what the pass down needs at once, so that it seldom has to be moved.
constexpr std::size_t kSpareRows = 4 * kStripRows;

std::size_t whole_vectors(std::size_t bytes) { return (bytes + kVector - 1) / kVector * kVector; }

}  // namespace

Resizer::Resizer(Channels channels, Filter columns, Filter rows, const Passes& passes)
    : channels_(channels),
      columns_(std::move(columns)),
      rows_(std::move(rows)),
      passes_(&passes),
      strip_bytes_(std::size_t(columns_.end() - columns_.begin()) * channels.pixel_bytes),
      out_bytes_(columns_.windows.size() * channels.count),
      stride_(whole_vectors(out_bytes_)),
      window_rows_(rows_.max_taps + kSpareRows),
      strip_(whole_vectors(strip_bytes_) * kStripRows),
      resized_(stride_ * kStripRows),
      window_(stride_ * window_rows_),
      row_(stride_) {}

void Resizer::run(const Plane& plane, std::uint8_t* out) {
  int first = rows_.begin();  // rows [first, end) are in the window
  int end = first;
  for (const Window& needed : rows_.windows) {
    while (end < needed.first + needed.taps) {
      if (std::size_t(end - first) + kStripRows > window_rows_) {
        std::memmove(window_.data(), &window_[(needed.first - first) * stride_], (end - needed.first) * stride_);
        first = needed.first;
      }
      load_strip(plane, end);
      resize_strip(&window_[(end - first) * stride_]);
      end += kStripRows;
    }
    passes_->down(&window_[(needed.first - first) * stride_], stride_, &rows_.weights[needed.weights], needed.taps,
                  stride_, row_.data());
    std::memcpy(out, row_.data(), out_bytes_);
    out += out_bytes_;
  }
}

// The plane may end with its last pixel, so what does not fill a block of 16 rows of 16 bytes goes through a copy.
void Resizer::load_strip(const Plane& plane, int first_row) {
  const std::size_t rows = std::min(kStripRows, rows_.end() - first_row);
  const std::uint8_t* in =
      plane.data + first_row * plane.stride + std::ptrdiff_t{columns_.begin()} * channels_.pixel_bytes;
  for (std::size_t x = 0; x < strip_bytes_; x += kVector) {
    const std::size_t bytes = std::min(kVector, strip_bytes_ - x);
    if (rows == kStripRows && bytes == kVector) {
      transpose_16x16(in + x, plane.stride, &strip_[x * kStripRows], kStripRows);
    } else {
      std::uint8_t block[kStripRows * kVector] = {};
      for (std::size_t y = 0; y < rows; ++y) {
        std::memcpy(block + y * kVector, in + std::ptrdiff_t(y) * plane.stride + x, bytes);
      }
      transpose_16x16(block, kVector, &strip_[x * kStripRows], kStripRows);
    }
  }
}

void Resizer::resize_strip(std::uint8_t* rows) {
  passes_->across(strip_.data(), channels_, columns_, resized_.data());
  for (std::size_t x = 0; x < stride_; x += kVector) {
    transpose_16x16(&resized_[x * kStripRows], kStripRows, rows + x, stride_);
  }
}

}  // namespace clipembed
