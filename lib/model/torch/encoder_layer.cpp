#include "lib/model/torch/encoder_layer.h"

#include <ATen/ATen.h>

#include <cmath>

namespace clipembed {
namespace {

constexpr double kQuickGeluFactor = 1.702;  // quick_gelu(x) = x sigmoid(1.702 x); transformers, QuickGELUActivation

Linear make_linear(const Weights& weights, const std::string& prefix, const ComputePlan& plan, double scale = 1.0) {
  return {weights.fp32(prefix + ".weight").mul_(scale), weights.fp32(prefix + ".bias").mul_(scale), plan.kernel,
          plan.tensors, plan.rows};
}

Linear make_key_value(const Weights& weights, const std::string& attention, const ComputePlan& plan) {
  const std::string key = attention + ".k_proj", value = attention + ".v_proj";
  return {at::cat({weights.fp32(key + ".weight"), weights.fp32(value + ".weight")}),
          at::cat({weights.fp32(key + ".bias"), weights.fp32(value + ".bias")}), plan.kernel, plan.tensors, plan.rows};
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

// (pictures, tokens, parts * heads * head_dim) -> (parts, pictures * heads, tokens, head_dim)
at::Tensor split_heads(const at::Tensor& x, std::int64_t parts, std::int64_t heads, std::int64_t head_dim) {
  const std::int64_t pictures = x.size(0), tokens = x.size(1);
  return x.view({pictures, tokens, parts, heads, head_dim})
      .permute({2, 0, 3, 1, 4})
      .reshape({parts, pictures * heads, tokens, head_dim});
}

// q, k, v: (pictures * heads, tokens, head_dim), q scaled already.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  // On the CPU, LibTorch 2.6's fused attention takes twice as long as this for CLIP's few tokens in bf16.
  if (q.is_cpu()) return at::bmm(at::softmax(at::bmm(q, k.transpose(1, 2)), -1), v);
  return at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, /*dropout_p=*/0.0, /*is_causal=*/false,
                                          /*scale=*/1.0);
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
      head_dim_(config.head_dim()),
      activation_(config.hidden_act == Activation::kQuickGelu ? PostOp::kSwish : PostOp::kGelu),
      norm1_(weights, prefix + ".layer_norm1", config.layer_norm_eps, plan.tensors),
      norm2_(weights, prefix + ".layer_norm2", config.layer_norm_eps, plan.tensors),
      query_(make_linear(weights, prefix + ".self_attn.q_proj", plan, 1.0 / std::sqrt(config.head_dim()))),
      key_value_(make_key_value(weights, prefix + ".self_attn", plan)),
      out_(make_linear(weights, prefix + ".self_attn.out_proj", plan)),
      fc1_(make_linear(weights, prefix + ".mlp.fc1", plan, activation_factor(config.hidden_act))),
      fc2_(make_fc2(weights, prefix + ".mlp.fc2", activation_factor(config.hidden_act), plan)) {}

at::Tensor EncoderLayer::mlp(const at::Tensor& h) const { return fc2_.add_to(h, fc1_(norm2_(h), activation_)); }

at::Tensor EncoderLayer::forward(const at::Tensor& h) const {
  const std::int64_t pictures = h.size(0), tokens = h.size(1);
  const at::Tensor x = norm1_(h);
  const at::Tensor q = split_heads(query_(x), 1, heads_, head_dim_);
  const at::Tensor kv = split_heads(key_value_(x), 2, heads_, head_dim_);
  const at::Tensor a = attend(q[0], kv[0], kv[1])
                           .view({pictures, heads_, tokens, head_dim_})
                           .transpose(1, 2)
                           .reshape({pictures, tokens, heads_ * head_dim_});
  return mlp(out_.add_to(h, a));
}

at::Tensor EncoderLayer::forward_class_token(const at::Tensor& h) const {
  const std::int64_t pictures = h.size(0);
  const at::Tensor x = norm1_(h);
  const at::Tensor q = query_(x.select(1, 0).contiguous()).view({pictures * heads_, 1, head_dim_});
  const at::Tensor kv = split_heads(key_value_(x), 2, heads_, head_dim_);
  const at::Tensor a = attend(q, kv[0], kv[1]).view({pictures, heads_ * head_dim_});
  return mlp(out_.add_to(h.select(1, 0).contiguous(), a));
}

}  // namespace clipembed
