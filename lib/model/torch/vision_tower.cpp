#include "lib/model/torch/vision_tower.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>

namespace clipembed {
namespace {

// Pixels go in as x - 128, which bf16 holds exactly, and (x / 255 - mean) / std is folded into the patch embedding:
// each weight is divided by 255 std, and the bias takes up the constants.
constexpr float kPixelOffset = 128.0f;

Linear make_patch_embedding(const Weights& weights, const ModelConfig& config, const ComputePlan& plan) {
  // (hidden, 3, patch, patch) -> (hidden, patch, patch, 3), as the pixels lie in memory.
  const at::Tensor weight =
      weights.fp32("vision_model.embeddings.patch_embedding.weight").permute({0, 2, 3, 1}).contiguous();
  const at::Tensor mean = at::tensor(at::ArrayRef<float>(config.mean));
  const at::Tensor stddev = at::tensor(at::ArrayRef<float>(config.stddev));
  const at::Tensor bias = weight.mul((kPixelOffset / 255.0f - mean) / stddev).sum({1, 2, 3});
  return {weight.div(stddev * 255.0f).flatten(1), bias, plan.kernel, plan.tensors, plan.rows};
}

// The few rows of the pooled class tokens stay in fp32 whatever the plan.
ComputePlan pooled_plan(const ComputePlan& plan) { return {plan.tensors.dtype(at::kFloat), LinearKernel::kPlain, 0}; }

std::vector<EncoderLayer> make_layers(const Weights& weights, const VisionConfig& config, const ComputePlan& plan) {
  std::vector<EncoderLayer> layers;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    layers.emplace_back(weights, "vision_model.encoder.layers." + std::to_string(i), config, plan);
  }
  return layers;
}

}  // namespace

TorchVisionTower::TorchVisionTower(const ModelConfig& config, const Checkpoint& checkpoint, const ComputePlan& plan,
                                   Precision precision, int micro_batch)
    : config_(config),
      plan_(plan),
      precision_(precision),
      micro_batch_(micro_batch),
      patch_(make_patch_embedding(Weights(checkpoint), config, plan)),
      pre_norm_(Weights(checkpoint), "vision_model.pre_layrnorm", config.vision.layer_norm_eps, plan.tensors),
      layers_(make_layers(Weights(checkpoint), config.vision, plan)),
      post_norm_(Weights(checkpoint), "vision_model.post_layernorm", config.vision.layer_norm_eps,
                 pooled_plan(plan).tensors),
      projection_(Weights(checkpoint).fp32("visual_projection.weight"), {}, LinearKernel::kPlain,
                  pooled_plan(plan).tensors, 0) {
  const Weights weights(checkpoint);
  const at::Tensor positions = weights.fp32("vision_model.embeddings.position_embedding.weight").unsqueeze(0);
  const at::Tensor class_token = weights.fp32("vision_model.embeddings.class_embedding");
  class_token_ = (positions.slice(1, 0, 1) + class_token).to(plan.tensors);
  positions_ = positions.slice(1, 1).contiguous().to(plan.tensors);
}

// (pictures, height, width, 3) bytes -> (pictures, patches, patch * patch * 3).
at::Tensor TorchVisionTower::patches(const at::Tensor& pictures) const {
  const std::int64_t grid = config_.vision.grid(), patch = config_.vision.patch_size, used = grid * patch;
  return pictures.slice(1, 0, used)
      .slice(2, 0, used)
      .to(plan_.tensors.dtype().toScalarType())
      .sub_(kPixelOffset)
      .reshape({pictures.size(0), grid, patch, grid, patch * 3})
      .permute({0, 1, 3, 2, 4})
      .reshape({pictures.size(0), grid * grid, patch * patch * 3});
}

at::Tensor TorchVisionTower::forward(const at::Tensor& pictures) const {
  const std::int64_t count = pictures.size(0), hidden = config_.vision.hidden_size;
  const at::Tensor tokens = patch_(patches(pictures)).add_(positions_);
  at::Tensor h = pre_norm_(at::cat({class_token_.expand({count, 1, hidden}), tokens}, 1));
  for (const EncoderLayer& layer : layers_) h = layer.forward(h, &layer == &layers_.back() ? 1 : h.size(1));
  return projection_(post_norm_(h.select(1, 0).to(at::kFloat)));
}

Status TorchVisionTower::embed(std::span<const std::uint8_t> pictures, int count, std::span<float> embeddings) {
  const InputGeometry& input = config_.input;
  const std::size_t dim = config_.projection_dim;
  if (count < 1 || pictures.size() != input.bytes() * count || embeddings.size() != dim * count) {
    return Error{Error::Kind::kFailed, "the vision tower was given buffers of the wrong size"};
  }
  try {
    const c10::InferenceMode guard;
    const TensorMemoryScope memory;
    // Even pieces: 9 pictures run as 5 and 4, not as 8 and 1.
    const int passes = (count + micro_batch_ - 1) / micro_batch_;
    for (int pass = 0, begin = 0; pass < passes; ++pass) {
      const int end = count * (pass + 1) / passes;
      auto* bytes = const_cast<std::uint8_t*>(pictures.data() + input.bytes() * begin);  // only read
      const at::Tensor batch = at::from_blob(bytes, {end - begin, input.crop_height, input.crop_width, 3}, at::kByte)
                                   .to(plan_.tensors.device());
      const at::Tensor result = forward(batch).to(at::kCPU).contiguous();
      std::memcpy(embeddings.data() + dim * begin, result.const_data_ptr<float>(), result.nbytes());
      begin = end;
    }
    return ok();
  } catch (const c10::Error& error) {
    return Error{Error::Kind::kFailed, std::string("inference failed: ") + error.what_without_backtrace()};
  } catch (const std::exception& error) {
    return Error{Error::Kind::kFailed, std::string("inference failed: ") + error.what()};
  }
}

}  // namespace clipembed
