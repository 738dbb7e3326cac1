#include "lib/model/torch/linear.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

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

}  // namespace

Linear::Linear(const at::Tensor& weight, const at::Tensor& bias, LinearKernel kernel, const at::TensorOptions& like,
               std::int64_t rows)
    : kernel_(kernel), weight_(weight.to(like)), bias_(bias.defined() ? bias.to(like) : bias) {
  if (kernel_ == LinearKernel::kPrepacked) weight_ = reorder_weight(weight_, rows);
}

at::Tensor Linear::operator()(const at::Tensor& x, PostOp post_op) const {
  if (kernel_ == LinearKernel::kPrepacked) {
    if (post_op == PostOp::kSwish) return linear_pointwise(x, weight_, bias_, "swish", std::nullopt);
    if (post_op == PostOp::kGelu) return linear_pointwise(x, weight_, bias_, "gelu", "none");
    return linear_pointwise(x, weight_, bias_, "none", std::nullopt);
  }
  at::Tensor y = at::linear(x, weight_, bias_);
  if (post_op == PostOp::kSwish) return at::silu_(y);
  if (post_op == PostOp::kGelu) return at::gelu_(y);
  return y;
}

at::Tensor Linear::add_to(const at::Tensor& residual, const at::Tensor& x) const {
  if (kernel_ == LinearKernel::kPrepacked) return linear_pointwise_add(x, residual, weight_, bias_);
  return at::linear(x, weight_, bias_).add_(residual);
}

}  // namespace clipembed
