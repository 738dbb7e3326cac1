#include "lib/model/torch/quantize.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "lib/model/torch/element.h"

namespace clipembed {
namespace {

constexpr std::int64_t kRowsPerTask = 8;

template <class T>
CLIPEMBED_INLINE float quantize_row(const T* x, std::int64_t n, int limit, std::uint8_t* q) {
  float peak = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) peak = std::max(peak, std::abs(load(x + i)));
  const float scale = peak / static_cast<float>(limit);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  const float zero = static_cast<float>(limit + 1) + 0.5f;  // positive after the offset: truncation rounds
  for (std::int64_t i = 0; i < n; ++i) q[i] = static_cast<std::uint8_t>(static_cast<int>(load(x + i) * inverse + zero));
  return scale;
}

template <class T>
CLIPEMBED_INLINE void dequantize_row(T* y, std::int64_t n, float scale, const float* bias, const T* residual) {
  if (residual == nullptr) {
    for (std::int64_t i = 0; i < n; ++i) store(y + i, load(y + i) * scale + bias[i]);
  } else {
    for (std::int64_t i = 0; i < n; ++i) store(y + i, load(y + i) * scale + bias[i] + load(residual + i));
  }
}

// target_clones wants plain functions: one for each element type.
CLIPEMBED_CLONES float quantize(const float* x, std::int64_t n, int limit, std::uint8_t* q) {
  return quantize_row(x, n, limit, q);
}
CLIPEMBED_CLONES float quantize(const std::uint16_t* x, std::int64_t n, int limit, std::uint8_t* q) {
  return quantize_row(x, n, limit, q);
}
CLIPEMBED_CLONES void dequantize(float* y, std::int64_t n, float scale, const float* bias, const float* residual) {
  dequantize_row(y, n, scale, bias, residual);
}
CLIPEMBED_CLONES void dequantize(std::uint16_t* y, std::int64_t n, float scale, const float* bias,
                                 const std::uint16_t* residual) {
  dequantize_row(y, n, scale, bias, residual);
}

}  // namespace

QuantizedRows quantize_rows(const at::Tensor& x, int limit) {
  const std::int64_t columns = x.size(-1), rows = x.numel() / columns;
  QuantizedRows out{at::empty({rows, columns}, x.options().dtype(at::kByte)),
                    at::empty({rows}, x.options().dtype(at::kFloat))};
  auto* values = out.values.mutable_data_ptr<std::uint8_t>();
  auto* scales = out.scales.mutable_data_ptr<float>();
  for_element_type(x, [&](const auto* data) {
    at::parallel_for(0, rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        scales[row] = quantize(data + row * columns, columns, limit, values + row * columns);
      }
    });
  });
  return out;
}

void dequantize_rows(at::Tensor& product, const at::Tensor& scales, const at::Tensor& bias,
                     const at::Tensor& residual) {
  const std::int64_t columns = product.size(-1), rows = product.numel() / columns;
  const float* scale = scales.const_data_ptr<float>();
  const float* offset = bias.const_data_ptr<float>();
  for_element_type(product, [&](auto* data) {
    using Element = std::remove_pointer_t<decltype(data)>;
    const auto* added = residual.defined() ? static_cast<const Element*>(residual.const_data_ptr()) : nullptr;
    at::parallel_for(0, rows, kRowsPerTask, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row) {
        dequantize(data + row * columns, columns, scale[row], offset, added ? added + row * columns : nullptr);
      }
    });
  });
}

}  // namespace clipembed
