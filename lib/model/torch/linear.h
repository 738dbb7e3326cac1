// y = x W^T + b with weights packed once for the kernel that runs them, and what follows it fused in.
#pragma once

#include <ATen/core/Tensor.h>

namespace clipembed {

enum class LinearKernel {
  kPlain,      // at::linear: any device, any dtype
  kPrepacked,  // oneDNN inner product on weights reordered once; CPU
  kInt8,       // oneDNN int8 product, weights scaled by output, activations by row (quantize.h); x86-64
};

enum class PostOp {
  kNone,
  kSwish,  // x sigmoid(x)
  kGelu,   // with erf, not tanh
};

class Linear {
 public:
  Linear() = default;

  // weight: (out, in) and bias: (out), or undefined, both fp32 on the CPU; they are converted to `like`'s dtype and
  // device after packing. `rows`: how many rows of x are typical, which oneDNN chooses its blocking by.
  Linear(const at::Tensor& weight, const at::Tensor& bias, LinearKernel kernel, const at::TensorOptions& like,
         std::int64_t rows);

  // x: (rows, in) -> (rows, out).
  at::Tensor operator()(const at::Tensor& x, PostOp post_op = PostOp::kNone) const;

  // residual + operator()(x).
  at::Tensor add_to(const at::Tensor& residual, const at::Tensor& x) const;

 private:
  at::Tensor int8_product(const at::Tensor& x, const at::Tensor& residual) const;

  LinearKernel kernel_ = LinearKernel::kPlain;
  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor weight_scales_, weight_zero_points_;  // kInt8: (out), the latter all zero
};

}  // namespace clipembed
