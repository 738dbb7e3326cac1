// Made-up scenes as thumbnails: smooth random pictures that differ by their number, seen through a camera that may
// move. The same in every run.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lib/video/thumbnail.h"

inline double hash_level(int scene, int x, int y) {
  auto bits = static_cast<std::uint32_t>(scene * 7919 + x * 104729 + y * 1299709);
  bits = (bits ^ bits >> 15) * 2246822519U;
  bits = (bits ^ bits >> 13) * 3266489917U;
  return (bits ^ bits >> 16) / 4294967296.0;
}

// Value noise, 0 to 1, of random levels at the corners of squares.
inline double value_noise(int scene, double x, double y) {
  const int left = static_cast<int>(std::floor(x)), top = static_cast<int>(std::floor(y));
  const double fx = x - left, fy = y - top;
  const double above = hash_level(scene, left, top) * (1 - fx) + hash_level(scene, left + 1, top) * fx;
  const double below = hash_level(scene, left, top + 1) * (1 - fx) + hash_level(scene, left + 1, top + 1) * fx;
  return above * (1 - fy) + below * fy;
}

// Large shapes, and texture on them.
inline double scene_level(int scene, double x, double y) {
  return 180 * value_noise(scene, x / 20, y / 20) + 75 * value_noise(scene + 1000, x / 4, y / 4);
}

// `x`, `y`: where the camera looks, in cells.
inline clipembed::Thumbnail scene(int number, double x = 0, double y = 0) {
  clipembed::Thumbnail picture;
  for (int row = 0; row < picture.kHeight; ++row) {
    for (int column = 0; column < picture.kWidth; ++column) {
      picture.luma[row * picture.kWidth + column] = static_cast<std::uint8_t>(scene_level(number, x + column, y + row));
    }
  }
  picture.cb.fill(static_cast<std::uint8_t>(128 + number * 13 % 20));
  picture.cr.fill(static_cast<std::uint8_t>(128 - number * 7 % 20));
  return picture;
}

inline clipembed::Thumbnail mix(const clipembed::Thumbnail& a, const clipembed::Thumbnail& b, double part) {
  clipembed::Thumbnail mixed;
  const auto mix_plane = [&](const auto& from, const auto& to, auto& out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = static_cast<std::uint8_t>(std::lround(from[i] * (1 - part) + to[i] * part));
    }
  };
  mix_plane(a.luma, b.luma, mixed.luma);
  mix_plane(a.cb, b.cb, mixed.cb);
  mix_plane(a.cr, b.cr, mixed.cr);
  return mixed;
}

inline clipembed::Thumbnail black() {
  clipembed::Thumbnail picture;
  picture.cb.fill(128);
  picture.cr.fill(128);
  return picture;
}

inline clipembed::Thumbnail brighter(clipembed::Thumbnail picture) {
  for (std::uint8_t& level : picture.luma) level = static_cast<std::uint8_t>(std::min(255.0, level * 1.5 + 120));
  return picture;
}
