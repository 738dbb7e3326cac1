// CLIP's vision tower on LibTorch: patches, class token, encoder layers, projection.
// Source: transformers, CLIPVisionTransformer and CLIPModel.get_image_features.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "lib/model/torch/encoder_layer.h"
#include "lib/model/torch/tensor_memory.h"
#include "lib/model/tower.h"

namespace clipembed {

class TorchVisionTower final : public VisionTower {
 public:
  // Throws c10::Error; module.cpp turns that into an Error.
  TorchVisionTower(const ModelConfig& config, const Checkpoint& checkpoint, const ComputePlan& plan,
                   Precision precision, int micro_batch);

  Status embed(std::span<const std::uint8_t> pictures, int count, std::span<float> embeddings) override;
  std::string device() const override { return plan_.tensors.device().str(); }
  Precision precision() const override { return precision_; }

 private:
  at::Tensor patches(const at::Tensor& pictures) const;
  at::Tensor forward(const at::Tensor& pictures) const;

  KeptTensorMemory kept_;  // first, so that it goes last
  ModelConfig config_;
  ComputePlan plan_;
  Precision precision_;
  int micro_batch_;  // pictures a pass: more would push the activations out of the CPU's caches

  Linear patch_;
  at::Tensor class_token_;  // (1, 1, hidden), its position embedding added
  at::Tensor positions_;    // (1, patches, hidden)
  LayerNorm pre_norm_;
  std::vector<EncoderLayer> layers_;
  LayerNorm post_norm_;
  Linear projection_;
};

}  // namespace clipembed
