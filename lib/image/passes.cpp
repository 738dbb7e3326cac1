#include "lib/image/passes.h"

#include <algorithm>
#include <cstring>

namespace clipembed {
namespace {

// Registers of 32-bit lanes.
typedef std::int32_t Lanes4 __attribute__((vector_size(16)));
typedef std::int32_t Lanes8 __attribute__((vector_size(32)));
typedef std::int32_t Lanes16 __attribute__((vector_size(64)));

// Adds up `taps` blocks, `step` bytes apart, each times its weight; rounds halves up, clips to bytes. A register of
// 32-bit lanes is filled with four bytes a lane, and each of the four is summed by itself: so no byte ever changes
// lanes, and the body is the same for every instruction set.
template <class Lanes>
[[gnu::always_inline]] inline void weigh(const std::uint8_t* in, std::ptrdiff_t step, const std::int32_t* weights,
                                         int taps, std::uint8_t* out) {
  for (int x = 0; x < kBlock; x += sizeof(Lanes)) {
    Lanes sums[4];
    for (Lanes& sum : sums) sum = Lanes{} + (1 << (kWeightBits - 1));
    const std::uint8_t* samples = in + x;
    for (int t = 0; t < taps; ++t, samples += step) {
      Lanes bytes;
      std::memcpy(&bytes, samples, sizeof(bytes));
      const Lanes weight = Lanes{} + weights[t];
      for (int i = 0; i < 4; ++i) sums[i] += (bytes >> (8 * i) & 255) * weight;
    }
    Lanes bytes{};
    for (int i = 0; i < 4; ++i) {
      Lanes value = sums[i] >> kWeightBits;
      value = value < 0 ? Lanes{} : value;
      value = value > 255 ? Lanes{} + 255 : value;
      bytes |= value << (8 * i);
    }
    std::memcpy(out + x, &bytes, sizeof(bytes));
  }
}

template <class Lanes>
[[gnu::always_inline]] inline void across(const std::uint8_t* strip, const Channels& channels, const Filter& filter,
                                          std::uint8_t* out) {
  const std::ptrdiff_t step = std::ptrdiff_t{channels.pixel_bytes} * kBlock;
  const int begin = filter.begin();
  for (const Window& window : filter.windows) {
    const std::uint8_t* pixel = strip + (window.first - begin) * step;
    for (int c = 0; c < channels.count; ++c, out += kBlock) {
      weigh<Lanes>(pixel + channels.offset[c] * kBlock, step, &filter.weights[window.weights], window.taps, out);
    }
  }
}

template <class Lanes>
[[gnu::always_inline]] inline void down(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights,
                                        int taps, int bytes, std::uint8_t* out) {
  for (int x = 0; x < bytes; x += kBlock) weigh<Lanes>(rows + x, stride, weights, taps, out + x);
}

[[gnu::always_inline]] inline void load_block(const Component& component, std::size_t first, std::size_t pixels,
                                              std::uint8_t* out) {
  const std::uint8_t* samples = component.data + first * component.step;
  if (component.step == 1) {
    std::memcpy(out, samples, pixels);
  } else {
    for (std::size_t i = 0; i < pixels; ++i) out[i] = samples[2 * i];
  }
}

[[gnu::always_inline]] inline std::uint8_t to_byte(std::int32_t value) {
  return static_cast<std::uint8_t>(std::clamp(value >> YuvCoefficients::kBits, 0, 255));
}

// A block of each component at a time, always a whole one: loops of a known length fill whole registers.
[[gnu::always_inline]] inline void to_rgb(const YuvCoefficients& k, Component y, Component u, Component v,
                                          std::size_t pixels, std::uint8_t* rgb) {
  std::uint8_t ys[kBlock] = {}, us[kBlock] = {}, vs[kBlock] = {}, block[3 * kBlock];
  for (std::size_t x = 0; x < pixels; x += kBlock) {
    const std::size_t count = std::min<std::size_t>(pixels - x, kBlock);
    load_block(y, x, count, ys);
    load_block(u, x, count, us);
    load_block(v, x, count, vs);
    for (int i = 0; i < kBlock; ++i) {
      const std::int32_t luma = (ys[i] - k.black) * k.luma + (1 << (YuvCoefficients::kBits - 1));
      const std::int32_t cb = us[i] - 128, cr = vs[i] - 128;
      block[3 * i] = to_byte(luma + k.red_v * cr);
      block[3 * i + 1] = to_byte(luma - k.green_u * cb - k.green_v * cr);
      block[3 * i + 2] = to_byte(luma + k.blue_u * cb);
    }
    std::memcpy(rgb + 3 * x, block, 3 * count);
  }
}

void across_any(const std::uint8_t* strip, const Channels& channels, const Filter& filter, std::uint8_t* out) {
  across<Lanes4>(strip, channels, filter, out);
}

void down_any(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights, int taps, int bytes,
              std::uint8_t* out) {
  down<Lanes4>(rows, stride, weights, taps, bytes, out);
}

void to_rgb_any(const YuvCoefficients& k, Component y, Component u, Component v, std::size_t pixels,
                std::uint8_t* rgb) {
  to_rgb(k, y, u, v, pixels, rgb);
}

#ifdef __x86_64__

// The levels of the x86-64 psABI: v3 is AVX2, v4 is AVX-512.
[[gnu::target("arch=x86-64-v3")]] void across_v3(const std::uint8_t* strip, const Channels& channels,
                                                 const Filter& filter, std::uint8_t* out) {
  across<Lanes8>(strip, channels, filter, out);
}

[[gnu::target("arch=x86-64-v3")]] void down_v3(const std::uint8_t* rows, std::ptrdiff_t stride,
                                               const std::int32_t* weights, int taps, int bytes, std::uint8_t* out) {
  down<Lanes8>(rows, stride, weights, taps, bytes, out);
}

[[gnu::target("arch=x86-64-v3")]] void to_rgb_v3(const YuvCoefficients& k, Component y, Component u, Component v,
                                                 std::size_t pixels, std::uint8_t* rgb) {
  to_rgb(k, y, u, v, pixels, rgb);
}

[[gnu::target("arch=x86-64-v4")]] void across_v4(const std::uint8_t* strip, const Channels& channels,
                                                 const Filter& filter, std::uint8_t* out) {
  across<Lanes16>(strip, channels, filter, out);
}

[[gnu::target("arch=x86-64-v4")]] void down_v4(const std::uint8_t* rows, std::ptrdiff_t stride,
                                               const std::int32_t* weights, int taps, int bytes, std::uint8_t* out) {
  down<Lanes16>(rows, stride, weights, taps, bytes, out);
}

[[gnu::target("arch=x86-64-v4")]] void to_rgb_v4(const YuvCoefficients& k, Component y, Component u, Component v,
                                                 std::size_t pixels, std::uint8_t* rgb) {
  to_rgb(k, y, u, v, pixels, rgb);
}

constexpr Passes kPasses[] = {{"x86-64-v4", across_v4, down_v4, to_rgb_v4},
                              {"x86-64-v3", across_v3, down_v3, to_rgb_v3},
                              {"x86-64", across_any, down_any, to_rgb_any}};

std::size_t first_supported() {
  if (__builtin_cpu_supports("x86-64-v4")) return 0;
  if (__builtin_cpu_supports("x86-64-v3")) return 1;
  return 2;
}

#else

constexpr Passes kPasses[] = {{"any", across_any, down_any, to_rgb_any}};

std::size_t first_supported() { return 0; }

#endif

}  // namespace

std::span<const Passes> supported_passes() {
  static const std::size_t first = first_supported();
  return std::span(kPasses).subspan(first);
}

// Four rounds of interleaving row i with row i + 8, after each of which a byte column lies in half as many registers.
void transpose_16x16(const std::uint8_t* in, std::ptrdiff_t in_stride, std::uint8_t* out, std::ptrdiff_t out_stride) {
  typedef std::uint8_t Row __attribute__((vector_size(16)));
  Row from[16], to[16];
  for (int i = 0; i < 16; ++i) std::memcpy(&from[i], in + i * in_stride, 16);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      to[2 * i] = __builtin_shufflevector(from[i], from[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      to[2 * i + 1] =
          __builtin_shufflevector(from[i], from[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    std::memcpy(from, to, sizeof(from));
  }
  for (int i = 0; i < 16; ++i) std::memcpy(out + i * out_stride, &from[i], 16);
}

}  // namespace clipembed
