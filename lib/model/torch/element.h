// fp32 and bf16 values in memory, for kernels written in plain C++: c10::BFloat16's operators keep the compiler from
// vectorizing, shifts do not. And one source, compiled for several instruction sets, of which the loader picks at run
// time.
#pragma once

#include <ATen/core/Tensor.h>

#include <bit>
#include <cstdint>

#if defined(__x86_64__) && defined(__gnu_linux__)
#define CLIPEMBED_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLIPEMBED_CLONES
#endif
// What a cloned function calls must be inlined into it to be compiled for its instruction set.
#define CLIPEMBED_INLINE inline __attribute__((always_inline))

namespace clipembed {

CLIPEMBED_INLINE float load(const float* x) { return *x; }
CLIPEMBED_INLINE float load(const std::uint16_t* x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(*x) << 16);
}

CLIPEMBED_INLINE void store(float* y, float value) { *y = value; }
CLIPEMBED_INLINE void store(std::uint16_t* y, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  *y = static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);  // to nearest even
}

// Calls `run` with x's data as float, or as the bits of bf16. x is only read where `run` only reads.
template <class Run>
void for_element_type(const at::Tensor& x, Run&& run) {
  if (x.scalar_type() == at::kFloat) {
    run(static_cast<float*>(x.data_ptr()));
  } else {
    run(static_cast<std::uint16_t*>(x.data_ptr()));
  }
}

}  // namespace clipembed
