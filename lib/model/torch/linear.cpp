#include "lib/model/torch/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/cpu/Utils.h>

#include <optional>
#include <vector>

#include "lib/model/torch/quantize.h"

namespace clipembed {
namespace {

// These operators are what torch.compile's CPU freezing emits; they have schemas but no C++ header.
// Source: aten/src/ATen/native/mkldnn/RegisterMkldnnOpContextClass.cpp and Linear.cpp, LibTorch 2.6.
at::Tensor reorder_weight(const at::Tensor& weight, std::int64_t rows) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_reorder_linear_weight", "")
                             .typed<at::Tensor(const at::Tensor&, std::optional<std::int64_t>)>();
  return op.call(weight, rows);
}

using Scalars = c10::List<std::optional<at::Scalar>>;

at::Tensor linear_pointwise(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                            c10::string_view attr, std::optional<c10::string_view> algorithm) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_linear_pointwise", "")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                               c10::string_view, Scalars, std::optional<c10::string_view>)>();
  static const Scalars none;
  return op.call(x, weight, bias, attr, none, algorithm);
}

at::Tensor linear_pointwise_add(const at::Tensor& x, const at::Tensor& other, const at::Tensor& weight,
                                const at::Tensor& bias) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("mkldnn::_linear_pointwise", "binary")
                             .typed<at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&,
                                               const std::optional<at::Tensor>&, c10::string_view)>();
  return op.call(x, other, weight, bias, "add");
}

at::Tensor pack_int8(const at::Tensor& weight) {
  static const auto op = c10::Dispatcher::singleton()
                             .findSchemaOrThrow("onednn::qlinear_prepack", "")
                             .typed<at::Tensor(at::Tensor, std::optional<c10::List<std::int64_t>>)>();
  return op.call(weight, std::nullopt);
}

// x: uint8 -> like `dtype`: sum over k of (x - zero_point) * weight, times the weight's scale.
at::Tensor qlinear_pointwise(const at::Tensor& x, int zero_point, const at::Tensor& weight, const at::Tensor& scales,
                             const at::Tensor& zero_points, at::ScalarType dtype) {
  static const auto op =
      c10::Dispatcher::singleton()
          .findSchemaOrThrow("onednn::qlinear_pointwise", "")
          .typed<at::Tensor(at::Tensor, double, std::int64_t, at::Tensor, at::Tensor, at::Tensor,
                            std::optional<at::Tensor>, double, std::int64_t, std::optional<at::ScalarType>,
                            c10::string_view, Scalars, c10::string_view)>();
  static const Scalars none;
  return op.call(x, 1.0, zero_point, weight, scales, zero_points, std::nullopt, 1.0, 0, dtype, "none", none, "");
}

// Without VNNI, oneDNN adds pairs of u8 * s8 products in 16 bits, which saturate unless activations stay in 7 bits.
// Source: oneDNN developer guide, "Nuances of int8 computations".
int activation_limit() { return at::cpu::is_avx512_vnni_supported() ? 127 : 63; }

}  // namespace

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, LinearKernel kernel, const at::TensorOptions& like,
               std::int64_t rows)
    : kernel_(kernel) {
  if (kernel_ == LinearKernel::kInt8) {
    weight_scales_ = weight.abs().amax(1).clamp_min_(1e-12).div_(127);
    weight_zero_points_ = at::zeros({weight.size(0)}, at::kInt);
    weight_ = pack_int8(weight.div(weight_scales_.unsqueeze(1)).round_().to(at::kChar));
    bias_ = bias;
    return;
  }
  weight_ = weight.to(like);
  if (bias.defined()) bias_ = bias.to(like);
  if (kernel_ == LinearKernel::kPrepacked) weight_ = reorder_weight(weight_, rows);
}

at::Tensor Linear::int8_product(const at::Tensor& x, const at::Tensor& residual) const {
  static const int limit = activation_limit();
  const auto [values, scales] = quantize_rows(x, limit);
  at::Tensor y = qlinear_pointwise(values, limit + 1, weight_, weight_scales_, weight_zero_points_, x.scalar_type());
  dequantize_rows(y, scales, bias_, residual);
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = y.size(-1);
  return y.view(shape);
}

at::Tensor Linear::operator()(const at::Tensor& x, PostOp post_op) const {
  if (kernel_ == LinearKernel::kPrepacked) {
    if (post_op == PostOp::kSwish) return linear_pointwise(x, weight_, bias_, "swish", std::nullopt);
    if (post_op == PostOp::kGelu) return linear_pointwise(x, weight_, bias_, "gelu", "none");
    return linear_pointwise(x, weight_, bias_, "none", std::nullopt);
  }
  at::Tensor y = kernel_ == LinearKernel::kInt8 ? int8_product(x, {}) : at::linear(x, weight_, bias_);
  if (post_op == PostOp::kSwish) return at::silu_(y);
  if (post_op == PostOp::kGelu) return at::gelu_(y);
  return y;
}

at::Tensor Linear::add_to(const at::Tensor& residual, const at::Tensor& x) const {
  if (kernel_ == LinearKernel::kPrepacked) return linear_pointwise_add(x, residual, weight_, bias_);
  if (kernel_ == LinearKernel::kInt8) return int8_product(x, residual);
  return at::linear(x, weight_, bias_).add_(residual);
}

}  // namespace clipembed
