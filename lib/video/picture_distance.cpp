#include "lib/video/picture_distance.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace clipembed {
namespace {

constexpr int kWidth = Thumbnail::kWidth, kHeight = Thumbnail::kHeight;
constexpr int kBlockWidth = 16, kBlockHeight = 9;
constexpr int kBlocks = (kWidth / kBlockWidth) * (kHeight / kBlockHeight);
constexpr int kSearchX = 8, kSearchY = 5;  // cells: an eighth of the picture, in one frame
constexpr float kNoise = 4;                // levels of contrast that count for nothing
// The worst quarter of the blocks is left out: they may be new at the edge of a pan, or a passer-by.
constexpr int kBlocksKept = kBlocks * 3 / 4;

int block_difference(const std::uint8_t* a, const std::uint8_t* b) {
  int sum = 0;
  for (int y = 0; y < kBlockHeight; ++y, a += kWidth, b += kWidth) {
    for (int x = 0; x < kBlockWidth; ++x) sum += std::abs(a[x] - b[x]);
  }
  return sum;
}

float best_match(const Thumbnail& a, const Thumbnail& b, int left, int top, int search_x, int search_y) {
  const std::uint8_t* block = &a.luma[top * kWidth + left];
  int best = block_difference(block, &b.luma[top * kWidth + left]);
  for (int y = std::max(0, top - search_y); y <= std::min(kHeight - kBlockHeight, top + search_y); ++y) {
    for (int x = std::max(0, left - search_x); x <= std::min(kWidth - kBlockWidth, left + search_x); ++x) {
      best = std::min(best, block_difference(block, &b.luma[y * kWidth + x]));
    }
  }
  return static_cast<float>(best) / (kBlockWidth * kBlockHeight);
}

// Mean absolute deviation from the block's mean.
float texture(const Thumbnail& picture, int left, int top) {
  int sum = 0, deviation = 0;
  constexpr int kSize = kBlockWidth * kBlockHeight;
  for (int pass = 0; pass < 2; ++pass) {
    for (int y = top; y < top + kBlockHeight; ++y) {
      for (int x = left; x < left + kBlockWidth; ++x) {
        const int level = picture.luma[y * kWidth + x];
        if (pass == 0) sum += level;
        if (pass == 1) deviation += std::abs(level - sum / kSize);
      }
    }
  }
  return static_cast<float>(deviation) / kSize;
}

float chroma_difference(const Thumbnail& a, const Thumbnail& b) {
  int sum = 0;
  for (std::size_t i = 0; i < a.cb.size(); ++i) sum += std::abs(a.cb[i] - b.cb[i]) + std::abs(a.cr[i] - b.cr[i]);
  return static_cast<float>(sum) / static_cast<float>(2 * a.cb.size());
}

double block_distance(const Thumbnail& a, const Thumbnail& b, int search_x, int search_y) {
  struct Block {
    float residual, texture;
  };
  std::array<Block, kBlocks> blocks;
  auto block = blocks.begin();
  for (int top = 0; top < kHeight; top += kBlockHeight) {
    for (int left = 0; left < kWidth; left += kBlockWidth) {
      *block++ = {best_match(a, b, left, top, search_x, search_y), (texture(a, left, top) + texture(b, left, top)) / 2};
    }
  }
  std::ranges::sort(blocks, {}, &Block::residual);
  float residual = 0, contrast = 0;
  for (int i = 0; i < kBlocksKept; ++i) {
    residual += blocks[i].residual;
    contrast += blocks[i].texture + kNoise;
  }
  return (residual + kBlocksKept * chroma_difference(a, b)) / contrast;
}

std::span<const float> luma(const CoarsePicture& picture) { return {picture.levels.data(), CoarsePicture::kCells}; }

double mean(std::span<const float> levels) {
  double sum = 0;
  for (const float level : levels) sum += level;
  return sum / static_cast<double>(levels.size());
}

}  // namespace

double motion_compensated_distance(const Thumbnail& a, const Thumbnail& b) {
  return block_distance(a, b, kSearchX, kSearchY);
}

double plain_distance(const Thumbnail& a, const Thumbnail& b) { return block_distance(a, b, 0, 0); }

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
  const double centre = mean(luma(*this));
  double squares = 0;
  for (const float level : luma(*this)) squares += (level - centre) * (level - centre);
  return std::sqrt(squares / kCells);
}

double distance(const CoarsePicture& a, const CoarsePicture& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.levels.size(); ++i) {
    squares += (a.levels[i] - b.levels[i]) * (a.levels[i] - b.levels[i]);
  }
  return std::sqrt(squares / static_cast<double>(a.levels.size()));
}

double correlation(const CoarsePicture& a, const CoarsePicture& b) {
  const double mean_a = mean(luma(a)), mean_b = mean(luma(b));
  double product = 0;
  for (int i = 0; i < CoarsePicture::kCells; ++i) product += (a.levels[i] - mean_a) * (b.levels[i] - mean_b);
  const double spread = CoarsePicture::kCells * a.contrast() * b.contrast();
  return spread > 0 ? product / spread : 0;
}

}  // namespace clipembed
