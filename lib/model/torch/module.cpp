#include "lib/model/torch/module.h"

#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <vector>

#include "lib/model/torch/compute_plan.h"
#include "lib/model/torch/tensor_memory.h"
#include "lib/model/torch/vision_tower.h"

namespace clipembed {
namespace {

// The first pass compiles oneDNN's kernels; the first frame of a live pipeline must not pay for that.
Status warm_up(VisionTower& tower, const ModelConfig& config) {
  const std::vector<std::uint8_t> picture(config.input.bytes());
  std::vector<float> embedding(config.projection_dim);
  return tower.embed(picture, 1, embedding);
}

Result<std::unique_ptr<VisionTower>> open(const ModelConfig& config, const Checkpoint& checkpoint,
                                          const TowerOptions& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
  const c10::InferenceMode guard;
  const TensorMemoryScope memory;
  Result<PlannedTower> planned = plan_tower(config, options);
  if (!planned) return std::move(planned).error();
  std::unique_ptr<VisionTower> tower =
      std::make_unique<TorchVisionTower>(config, checkpoint, planned->plan, planned->precision, planned->micro_batch);
  release_kept_tensor_memory();  // loading had larger tensors than any pass
  if (Status status = warm_up(*tower, config); !status) return std::move(status).error();
  return tower;
}

}  // namespace
}  // namespace clipembed

const int clipembed_torch_module_version = clipembed::kTorchModuleVersion;

void clipembed_open_vision_tower(const clipembed::ModelConfig& config, const clipembed::Checkpoint& checkpoint,
                                 const clipembed::TowerOptions& options,
                                 clipembed::Result<std::unique_ptr<clipembed::VisionTower>>* out) noexcept {
  using clipembed::Error;
  try {
    *out = clipembed::open(config, checkpoint, options);
  } catch (const c10::Error& error) {
    *out = Error{Error::Kind::kFailed, std::string("the model cannot be set up: ") + error.what_without_backtrace()};
  } catch (const std::exception& error) {
    *out = Error{Error::Kind::kFailed, std::string("the model cannot be set up: ") + error.what()};
  }
}
