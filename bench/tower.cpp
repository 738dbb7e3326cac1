// How close the vision tower comes to the machine's matrix products, in one run:
//
//   tools/dev bench/run tower            or   build/bench/tower MODEL_DIR [ROUNDS]
//
// Prints the GEMM rates (2048 x 2048 x 2048, fp32, bf16, int8, all threads), then images/s and their share of the rate
// of the same precision: images/s x GFLOP an image / GEMM rate. GFLOP counts every multiply and add of the reference
// model; work that the tower leaves out without changing the result counts as done. Each round measures
// the GEMM beside the tower, and the medians of the rounds' ratios are printed: the machine's speed drifts.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "bench/measure.h"
#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/tower.h"

namespace {

using clipembed::Precision;
using Clock = std::chrono::steady_clock;

constexpr int kBatches[] = {1, 8, 32};
constexpr Precision kPrecisions[] = {Precision::kFp32, Precision::kBf16, Precision::kInt8};

double seconds(const std::function<void()>& run) {
  const auto start = Clock::now();
  run();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median_seconds(int times, const std::function<void()>& run) {
  std::vector<double> taken;
  for (int i = 0; i < times; ++i) taken.push_back(seconds(run));
  return median(taken);
}

// GFLOP/s of one large matrix product.
double gemm_rate(Precision precision) {
  constexpr std::int64_t kSize = 2048;
  const c10::InferenceMode guard;
  std::function<void()> run;
  if (precision == Precision::kInt8) {
    const at::Tensor a = at::randint(-127, 127, {kSize, kSize}).to(at::kChar);
    run = [a, b = a.clone()] { at::_int_mm(a, b); };
  } else {
    const at::Tensor a = at::randn({kSize, kSize}).to(precision == Precision::kFp32 ? at::kFloat : at::kBFloat16);
    run = [a, b = a.clone()] { at::mm(a, b); };
  }
  run();
  return 2e-9 * kSize * kSize * kSize / median_seconds(5, run);
}

// Multiplies and adds of the matrix products of one forward pass.
double gflop_per_image(const clipembed::ModelConfig& config) {
  const auto& vision = config.vision;
  const double tokens = vision.tokens(), hidden = vision.hidden_size, mlp = vision.intermediate_size;
  const double layer = tokens * (4 * hidden * hidden + 2 * hidden * mlp) + 2 * tokens * tokens * hidden;
  const double patches = (tokens - 1) * 3.0 * vision.patch_size * vision.patch_size * hidden;
  return 2e-9 * (vision.num_hidden_layers * layer + patches + hidden * config.projection_dim);
}

struct Tower {
  Precision precision;
  std::unique_ptr<clipembed::VisionTower> tower;
  std::vector<std::uint8_t> pictures;
  std::vector<float> embeddings;
  std::vector<double> images_per_second[std::size(kBatches)], share[std::size(kBatches)], rates;
};

void measure_round(Tower& t, const clipembed::ModelConfig& config) {
  for (std::size_t i = 0; i < std::size(kBatches); ++i) {
    const int batch = kBatches[i];
    const double rate = gemm_rate(t.precision);
    const double taken = median_seconds(std::max(3, 48 / batch), [&] {
      const auto status = t.tower->embed(std::span(t.pictures).first(config.input.bytes() * batch), batch,
                                         std::span(t.embeddings).first(config.projection_dim * batch));
      if (!status) {
        std::fprintf(stderr, "%s\n", status.error().message.c_str());
        std::exit(1);
      }
    });
    t.rates.push_back(rate);
    t.images_per_second[i].push_back(batch / taken);
    t.share[i].push_back(batch / taken * gflop_per_image(config) / rate);
  }
}

template <class T>
T value_or_exit(clipembed::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "tower: %s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(*result);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: tower MODEL_DIR [ROUNDS]\n");
    return 2;
  }
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;
  const auto config = value_or_exit(clipembed::read_config(argv[1]));
  const auto checkpoint = value_or_exit(clipembed::Checkpoint::open(argv[1]));

  std::vector<Tower> towers;
  for (const Precision precision : kPrecisions) {
    clipembed::TowerOptions options{.device = "cpu", .precision = precision};
    Tower& t = towers.emplace_back();
    t.precision = precision;
    t.tower = value_or_exit(clipembed::open_vision_tower(config, checkpoint, options));
    t.pictures.resize(config.input.bytes() * kBatches[2]);
    t.embeddings.resize(std::size_t{32} * config.projection_dim);
    std::mt19937 noise(1);
    for (auto& byte : t.pictures) byte = static_cast<std::uint8_t>(noise());
  }
  for (int round = 0; round < rounds; ++round) {
    for (Tower& t : towers) measure_round(t, config);
  }

  std::printf("%.2f GFLOP an image, %d threads, %d rounds\n", gflop_per_image(config), at::get_num_threads(), rounds);
  std::printf("%-5s %13s", "", "GEMM GFLOP/s");
  for (const int batch : kBatches) std::printf(" | batch %2d: img/s  of GEMM", batch);
  std::printf("\n");
  for (const Tower& t : towers) {
    std::printf("%-5s %13.0f", to_string(t.precision), median(t.rates));
    for (std::size_t i = 0; i < std::size(kBatches); ++i) {
      std::printf(" | %15.1f  %7.2f", median(t.images_per_second[i]), median(t.share[i]));
    }
    std::printf("\n");
  }
}
