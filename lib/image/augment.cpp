#include "lib/image/augment.h"

#include <algorithm>
#include <utility>

namespace clipembed {
namespace {

std::vector<InputGeometry> crops_of(const InputGeometry& geometry, Augment augment) {
  if (augment != Augment::kFiveCrop) return {geometry};
  InputGeometry larger = geometry;
  larger.shortest_edge = geometry.shortest_edge * 8 / 7;
  std::vector<InputGeometry> crops;
  constexpr std::pair<int, int> kPlaces[] = {{0, 0}, {-1, -1}, {1, -1}, {-1, 1}, {1, 1}};
  for (const auto& [x, y] : kPlaces) {
    larger.crop_x = x;
    larger.crop_y = y;
    crops.push_back(larger);
  }
  return crops;
}

std::vector<std::uint8_t> mirrored(const std::vector<std::uint8_t>& rgb, int width) {
  std::vector<std::uint8_t> mirror(rgb.size());
  const std::size_t row = std::size_t{3} * width;
  for (std::size_t y = 0; y < rgb.size(); y += row) {
    for (std::size_t x = 0; x < row; x += 3) std::copy_n(&rgb[y + x], 3, &mirror[y + row - 3 - x]);
  }
  return mirror;
}

}  // namespace

int views_of(Augment augment) {
  switch (augment) {
    case Augment::kFlip:
      return 2;
    case Augment::kFiveCrop:
      return 5;
    case Augment::kNone:
      break;
  }
  return 1;
}

AugmentedPreprocessor::AugmentedPreprocessor(const InputGeometry& geometry, Augment augment)
    : geometry_(geometry), mirror_(augment == Augment::kFlip) {
  for (const InputGeometry& crop : crops_of(geometry, augment)) crops_.emplace_back(crop);
}

Result<std::vector<std::vector<std::uint8_t>>> AugmentedPreprocessor::run(const ImageView& picture) {
  std::vector<std::vector<std::uint8_t>> views;
  for (Preprocessor& crop : crops_) {
    views.emplace_back(geometry_.bytes());
    if (Status done = crop.run(picture, views.back()); !done) return std::move(done).error();
  }
  if (mirror_) views.push_back(mirrored(views.front(), geometry_.crop_width));
  return views;
}

}  // namespace clipembed
