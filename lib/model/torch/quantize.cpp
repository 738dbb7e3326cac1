#include "lib/model/torch/quantize.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <bit>
#include <cmath>

// One source, compiled for several instruction sets; the loader picks at run time.
#if defined(__x86_64__) && defined(__gnu_linux__)
#define CLIPEMBED_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLIPEMBED_CLONES
#endif

namespace clipembed {
namespace {

constexpr std::int64_t kRowsPerTask = 8;

// bf16 is the upper half of an fp32; plain shifts, so that the compiler vectorizes what c10::BFloat16's operators hide.
inline float load(const float* x) { return *x; }
inline float load(const std::uint16_t* x) { return std::bit_cast<float>(static_cast<std::uint32_t>(*x) << 16); }
inline void store(float* y, float value) { *y = value; }
inline void store(std::uint16_t* y, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  *y = static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to nearest even
}

template <class T>
inline __attribute__((always_inline)) float quantize_row(const T* x, std::int64_t n, int limit, std::uint8_t* q) {
  float peak = 0.0f;
  for (std::int64_t i = 0; i < n; ++i) peak = std::max(peak, std::abs(load(x + i)));
  const float scale = peak / static_cast<float>(limit);
  const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
  const float zero = static_cast<float>(limit + 1) + 0.5f;  // positive after the offset: truncation rounds
  for (std::int64_t i = 0; i < n; ++i) q[i] = static_cast<std::uint8_t>(static_cast<int>(load(x + i) * inverse + zero));
  return scale;
}

template <class T>
inline __attribute__((always_inline)) void dequantize_row(T* y, std::int64_t n, float scale, const float* bias,
                                                          const T* residual) {
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

// Calls `run` with x's data as float or as the bits of bf16.
template <class Run>
void for_element_type(const at::Tensor& x, Run&& run) {
  if (x.scalar_type() == at::kFloat) {
    run(static_cast<float*>(x.data_ptr()));
  } else {
    run(static_cast<std::uint16_t*>(x.data_ptr()));
  }
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
