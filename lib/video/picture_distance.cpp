#include "lib/video/picture_distance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

namespace clipembed {
namespace {

constexpr int kWidth = Thumbnail::kWidth, kHeight = Thumbnail::kHeight;
constexpr int kBlockWidth = 16, kBlockHeight = 9;
constexpr int kBlocks = (kWidth / kBlockWidth) * (kHeight / kBlockHeight);
constexpr int kSearchX = 8, kSearchY = 5;  // cells: an eighth of the picture, in one frame
constexpr float kNoise = 4;                // levels of contrast that count for nothing
constexpr std::uint8_t kBlack = 8;
constexpr int kMinBlock = kBlockWidth * kBlockHeight / 4;  // cells that are not black

int block_difference(const std::uint8_t* a, const std::uint8_t* b) {
  int sum = 0;
  for (int y = 0; y < kBlockHeight; ++y, a += kWidth, b += kWidth) {
    for (int x = 0; x < kBlockWidth; ++x) sum += std::abs(a[x] - b[x]);
  }
  return sum;
}

int best_match(const Thumbnail& a, const Thumbnail& b, int left, int top) {
  const std::uint8_t* block = &a.luma[top * kWidth + left];
  int best = block_difference(block, &b.luma[top * kWidth + left]);
  for (int y = std::max(0, top - kSearchY); y <= std::min(kHeight - kBlockHeight, top + kSearchY); ++y) {
    for (int x = std::max(0, left - kSearchX); x <= std::min(kWidth - kBlockWidth, left + kSearchX); ++x) {
      best = std::min(best, block_difference(block, &b.luma[y * kWidth + x]));
    }
  }
  return best;
}

// Rows and columns that are not black in both pictures: bars have nothing to compare, and their edges are no texture.
struct ActiveArea {
  std::array<bool, kHeight> row{};
  std::array<bool, kWidth> column{};

  ActiveArea(const Thumbnail& a, const Thumbnail& b) {
    for (int i = 0; i < kWidth * kHeight; ++i) {
      if (std::max(a.luma[i], b.luma[i]) >= kBlack) row[i / kWidth] = column[i % kWidth] = true;
    }
  }
  int size(int left, int top) const {
    return static_cast<int>(std::count(&row[top], &row[top] + kBlockHeight, true) *
                            std::count(&column[left], &column[left] + kBlockWidth, true));
  }
};

// Sum of absolute deviations from the block's mean.
int texture(const Thumbnail& picture, const ActiveArea& active, int left, int top, int size) {
  int sum = 0, deviation = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (int y = top; y < top + kBlockHeight; ++y) {
      for (int x = left; x < left + kBlockWidth; ++x) {
        if (!active.row[y] || !active.column[x]) continue;
        const int level = picture.luma[y * kWidth + x];
        if (pass == 0) sum += level;
        if (pass == 1) deviation += std::abs(level - sum / size);
      }
    }
  }
  return deviation;
}

float chroma_difference(const Thumbnail& a, const Thumbnail& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.cb.size(); ++i) sum += std::abs(a.cb[i] - b.cb[i]) + std::abs(a.cr[i] - b.cr[i]);
  return static_cast<float>(sum) / static_cast<float>(2 * a.cb.size());
}

// Bars above, below or beside a picture are the same in every shot, and would make all of them alike.
constexpr int kBarRows = 2, kBarColumns = 2;
constexpr int kCentreCells = (Thumbnail::kChromaWidth - 2 * kBarColumns) * (Thumbnail::kChromaHeight - 2 * kBarRows);

// Luma of the centre.
std::array<double, kCentreCells> centre_luma(const CoarsePicture& picture) {
  std::array<double, kCentreCells> levels;
  int i = 0;
  for (int y = kBarRows; y < Thumbnail::kChromaHeight - kBarRows; ++y) {
    for (int x = kBarColumns; x < Thumbnail::kChromaWidth - kBarColumns; ++x) {
      levels[i++] = picture.levels[y * Thumbnail::kChromaWidth + x];
    }
  }
  return levels;
}

double mean(const std::array<double, kCentreCells>& levels) {
  return std::accumulate(levels.begin(), levels.end(), 0.0) / kCentreCells;
}

// Less its mean.
std::array<double, kCentreCells> centre(const CoarsePicture& picture) {
  auto levels = centre_luma(picture);
  const double average = mean(levels);
  for (double& level : levels) level -= average;
  return levels;
}

double product(const std::array<double, kCentreCells>& a, const std::array<double, kCentreCells>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

double motion_compensated_distance(const Thumbnail& a, const Thumbnail& b) {
  struct Block {
    float residual, contrast;  // means
  };
  const ActiveArea active(a, b);
  std::array<Block, kBlocks> blocks;
  int count = 0;
  for (int top = 0; top < kHeight; top += kBlockHeight) {
    for (int left = 0; left < kWidth; left += kBlockWidth) {
      const int size = active.size(left, top);
      if (size < kMinBlock) continue;
      const int deviation = texture(a, active, left, top, size) + texture(b, active, left, top, size);
      blocks[count++] = {static_cast<float>(best_match(a, b, left, top)) / static_cast<float>(size),
                         static_cast<float>(deviation) / static_cast<float>(2 * size) + kNoise};
    }
  }
  if (count == 0) return 0;
  std::sort(blocks.begin(), blocks.begin() + count, [](auto& x, auto& y) { return x.residual < y.residual; });
  // The worst quarter is left out: it may be new at the edge of a pan, or a passer-by.
  const int kept = std::max(1, count * 3 / 4);
  float residual = 0, contrast = 0;
  for (int i = 0; i < kept; ++i) {
    residual += blocks[i].residual;
    contrast += blocks[i].contrast;
  }
  return (residual + static_cast<float>(kept) * chroma_difference(a, b)) / contrast;
}

double detail(const Thumbnail& thumbnail) {
  constexpr int kX = kWidth / Thumbnail::kChromaWidth, kY = kHeight / Thumbnail::kChromaHeight;
  constexpr int kLeft = kBarColumns * kX, kTop = kBarRows * kY;
  int sum = 0;
  for (int y = kTop; y < kHeight - kTop - 1; ++y) {
    for (int x = kLeft; x < kWidth - kLeft - 1; ++x) {
      const std::uint8_t* cell = &thumbnail.luma[y * kWidth + x];
      const int across = cell[1] - cell[0], down = cell[kWidth] - cell[0];
      sum += across * across + down * down;
    }
  }
  return sum / static_cast<double>((kHeight - 2 * kTop - 1) * (kWidth - 2 * kLeft - 1));
}

CoarsePicture coarse_picture(const Thumbnail& thumbnail) {
  constexpr int kX = kWidth / Thumbnail::kChromaWidth, kY = kHeight / Thumbnail::kChromaHeight;
  CoarsePicture coarse;
  for (int i = 0; i < kWidth * kHeight; ++i) {
    coarse.levels[i / kWidth / kY * Thumbnail::kChromaWidth + i % kWidth / kX] += thumbnail.luma[i] / float{kX * kY};
  }
  std::ranges::copy(thumbnail.cb, &coarse.levels[CoarsePicture::kCells]);
  std::ranges::copy(thumbnail.cr, &coarse.levels[2 * CoarsePicture::kCells]);
  return coarse;
}

double CoarsePicture::contrast() const {
  const auto levels = centre(*this);
  return std::sqrt(product(levels, levels) / kCentreCells);
}

double CoarsePicture::brightness() const { return mean(centre_luma(*this)); }

double CoarsePicture::colour() const {
  double sum = 0;
  for (std::size_t i = kCells; i < levels.size(); ++i) sum += std::abs(levels[i] - 128);
  return sum / (2 * kCells);
}

double distance(const CoarsePicture& a, const CoarsePicture& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.levels.size(); ++i) {
    squares += (a.levels[i] - b.levels[i]) * (a.levels[i] - b.levels[i]);
  }
  return std::sqrt(squares / static_cast<double>(a.levels.size()));
}

double correlation(const CoarsePicture& a, const CoarsePicture& b) {
  const auto centre_a = centre(a), centre_b = centre(b);
  const double spread = std::sqrt(product(centre_a, centre_a) * product(centre_b, centre_b));
  return spread > 0 ? product(centre_a, centre_b) / spread : 0;
}

}  // namespace clipembed
