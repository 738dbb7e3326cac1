// From nothing to ready: build/bench/load MODEL_DIR [PRECISION]. Prints the seconds from the first call to a tower that
// has embedded one picture (LibTorch's own loading included), and what stays resident beside the packed weights.
//
// One process a measurement: LibTorch loads once, and peak memory never goes down.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>

#include "bench/measure.h"
#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/tower.h"

namespace {

// Of the vision tower's matrices and vectors in this precision.
double packed_megabytes(const clipembed::Checkpoint& checkpoint, clipembed::Precision precision) {
  double elements = 0;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (!name.starts_with("vision_model.") && !name.starts_with("visual_projection.")) continue;
    elements += static_cast<double>(tensor.bytes.size()) / static_cast<double>(size_of(tensor.dtype));
  }
  using clipembed::Precision;
  const int bytes = precision == Precision::kFp32 ? 4 : precision == Precision::kInt8 ? 1 : 2;
  return elements * bytes / (1 << 20);
}

int fail(const clipembed::Error& error) {
  std::fprintf(stderr, "load: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: load MODEL_DIR [PRECISION]\n");
    return 2;
  }
  const auto precision = clipembed::parse_precision(argc > 2 ? argv[2] : "auto");
  if (!precision) return fail(precision.error());

  const auto start = std::chrono::steady_clock::now();
  const auto config = clipembed::read_config(argv[1]);
  if (!config) return fail(config.error());
  double weights = 0;
  std::unique_ptr<clipembed::VisionTower> tower;
  {
    const auto checkpoint = clipembed::Checkpoint::open(argv[1]);
    if (!checkpoint) return fail(checkpoint.error());
    auto opened = clipembed::open_vision_tower(*config, *checkpoint, {.device = "cpu", .precision = *precision});
    if (!opened) return fail(opened.error());
    tower = std::move(*opened);
    weights = packed_megabytes(*checkpoint, tower->precision());
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double resident = status_megabytes("VmRSS"), peak = status_megabytes("VmHWM");
  std::printf("%-5s ready in %.2f s; weights %.0f MB, resident %.0f MB (bar %.0f), peak %.0f MB\n",
              to_string(tower->precision()), seconds, weights, resident, 1.3 * weights + 350, peak);
}
