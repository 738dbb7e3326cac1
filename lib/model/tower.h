// The vision tower as the engine sees it: bytes in, floats out, no LibTorch in sight. The implementation lives in
// libclipembed-torch.so, which open_vision_tower() loads the first time it is called (0.5 s, 260 MB).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/result.h"

namespace clipembed {

enum class Precision { kAuto, kFp32, kFp16, kBf16, kInt8 };
const char* to_string(Precision precision);           // "auto", "fp32", ...
Result<Precision> parse_precision(std::string_view);  // kSettings naming the choices

struct TowerOptions {
  std::string device = "auto";  // auto, cpu, cuda[:N], mps
  Precision precision = Precision::kAuto;
  int threads = 0;  // 0: what the cgroup's CPU quota allows
};

class VisionTower {
 public:
  virtual ~VisionTower() = default;

  // pictures: count x crop_height x crop_width x 3 RGB bytes. embeddings: count x projection_dim floats, not
  // normalised, as CLIPModel.get_image_features() gives. Called by one thread at a time, always the same one.
  virtual Status embed(std::span<const std::uint8_t> pictures, int count, std::span<float> embeddings) = 0;

  virtual std::string device() const = 0;   // what "auto" became: "cpu", "cuda:0", "mps"
  virtual Precision precision() const = 0;  // never kAuto
};

// Loads libclipembed-torch.so from the folder of libclipembed itself; CLIPEMBED_TORCH_MODULE names another file.
// Errors: kLibrary when it cannot be loaded, kSettings for a device this machine lacks.
Result<std::unique_ptr<VisionTower>> open_vision_tower(const ModelConfig& config, const Checkpoint& checkpoint,
                                                       const TowerOptions& options);

}  // namespace clipembed
