// One pre-norm transformer layer of CLIP's vision tower: h += attention(norm1(h)); h += mlp(norm2(h)).
// Source: transformers, CLIPEncoderLayer. Two weights are folded at load time, so that nothing is left to do per frame:
// the attention scale into the query projection, and QuickGELU's 1.702 into the MLP (see encoder_layer.cpp).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "lib/model/config.h"
#include "lib/model/torch/linear.h"
#include "lib/model/torch/weights.h"

namespace clipembed {

// How a tower computes: fixed when it is opened.
struct ComputePlan {
  at::TensorOptions tensors;  // device and dtype of activations and matrix weights
  LinearKernel kernel = LinearKernel::kPlain;
  std::int64_t rows = 0;  // of a typical batch: pictures x tokens
};

class LayerNorm {
 public:
  LayerNorm(const Weights& weights, const std::string& prefix, double eps, const at::TensorOptions& like);
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  at::Tensor weight_, bias_;
  double eps_;
};

class EncoderLayer {
 public:
  EncoderLayer(const Weights& weights, const std::string& prefix, const TowerConfig& config, const ComputePlan& plan);

  // h: (pictures, tokens, hidden) -> (pictures, kept, hidden), the first `kept` tokens. The last layer keeps only the
  // class token, all that its output is used for: the others give keys and values, which leaves out three quarters of
  // the layer without changing a number.
  at::Tensor forward(const at::Tensor& h, std::int64_t kept) const;

 private:
  std::int64_t heads_;
  PostOp activation_;
  LayerNorm norm1_, norm2_;
  Linear qkv_, out_, fc1_, fc2_;
};

}  // namespace clipembed
