// The two passes around an int8 matrix product, each over a (rows, columns) tensor of fp32 or bf16.
//
// Every row of activations has its own scale, so that a picture's embedding does not depend on what else is in its
// batch:
//   quantize_rows:   q = round(x / scale) + zero_point, scale = max |x| / limit
//   dequantize_rows: y = scale * product + bias (+ residual), where product = sum (q - zero_point) * w, times w's scale
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace clipembed {

struct QuantizedRows {
  at::Tensor values;  // (rows, columns) uint8
  at::Tensor scales;  // (rows) fp32
};

// `limit`: the largest magnitude after quantization, 1..127; the zero point is limit + 1.
QuantizedRows quantize_rows(const at::Tensor& x, int limit);

// In place on `product`; bias: (columns) fp32; residual: like product, or undefined.
void dequantize_rows(at::Tensor& product, const at::Tensor& scales, const at::Tensor& bias, const at::Tensor& residual);

}  // namespace clipembed
