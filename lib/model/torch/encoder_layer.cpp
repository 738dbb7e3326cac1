#include "lib/model/torch/encoder_layer.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "lib/model/torch/attention.h"

namespace clipembed {
namespace {

constexpr double kQuickGeluFactor = 1.702;  // quick_gelu(x) = x sigmoid(1.702 x); transformers, QuickGELUActivation

Linear make_linear(const Weights& weights, const std::string& prefix, const ComputePlan& plan, double scale = 1.0) {
  return {weights.fp32(prefix + ".weight").mul_(scale), weights.fp32(prefix + ".bias").mul_(scale), plan.kernel,
          plan.tensors, plan.rows};
}

Linear make_qkv(const Weights& weights, const std::string& attention, const TowerConfig& config,
                const ComputePlan& plan) {
  const double scale = 1.0 / std::sqrt(config.head_dim());
  std::vector<at::Tensor> weight, bias;
  for (const char* part : {".q_proj", ".k_proj", ".v_proj"}) {
    weight.push_back(weights.fp32(attention + part + ".weight"));
    bias.push_back(weights.fp32(attention + part + ".bias"));
  }
  weight[0].mul_(scale);
  bias[0].mul_(scale);
  return {at::cat(weight), at::cat(bias), plan.kernel, plan.tensors, plan.rows};
}

// quick_gelu(x) = swish(1.702 x) / 1.702: with 1.702 in fc1 and its inverse in fc2, what is left between them is swish,
// which oneDNN fuses into the matrix product. gelu is fused as it is.
double activation_factor(Activation activation) {
  return activation == Activation::kQuickGelu ? kQuickGeluFactor : 1.0;
}

Linear make_fc2(const Weights& weights, const std::string& prefix, double factor, const ComputePlan& plan) {
  return {weights.fp32(prefix + ".weight").div_(factor), weights.fp32(prefix + ".bias"), plan.kernel, plan.tensors,
          plan.rows};
}

}  // namespace

LayerNorm::LayerNorm(const Weights& weights, const std::string& prefix, double eps, const at::TensorOptions& like)
    : weight_(weights.fp32(prefix + ".weight").to(like)), bias_(weights.fp32(prefix + ".bias").to(like)), eps_(eps) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x) const {
  return at::layer_norm(x, weight_.sizes(), weight_, bias_, eps_);
}

EncoderLayer::EncoderLayer(const Weights& weights, const std::string& prefix, const TowerConfig& config,
                           const ComputePlan& plan)
    : heads_(config.num_attention_heads),
      activation_(config.hidden_act == Activation::kQuickGelu ? PostOp::kSwish : PostOp::kGelu),
      norm1_(weights, prefix + ".layer_norm1", config.layer_norm_eps, plan.tensors),
      norm2_(weights, prefix + ".layer_norm2", config.layer_norm_eps, plan.tensors),
      qkv_(make_qkv(weights, prefix + ".self_attn", config, plan)),
      out_(make_linear(weights, prefix + ".self_attn.out_proj", plan)),
      fc1_(make_linear(weights, prefix + ".mlp.fc1", plan, activation_factor(config.hidden_act))),
      fc2_(make_fc2(weights, prefix + ".mlp.fc2", activation_factor(config.hidden_act), plan)) {}

at::Tensor EncoderLayer::forward(const at::Tensor& h, std::int64_t kept) const {
  const at::Tensor attended = attention(qkv_(norm1_(h)), heads_, kept);
  const at::Tensor residual = out_.add_to(h.slice(1, 0, kept).contiguous(), attended);
  return fc2_.add_to(residual, fc1_(norm2_(residual), activation_));
}

}  // namespace clipembed
