#include "lib/image/passes.h"

#include <cstring>

namespace clipembed {
namespace {

// As many sums as fit a register, and as many bytes.
typedef std::int32_t Sums4 __attribute__((vector_size(16)));
typedef std::int32_t Sums8 __attribute__((vector_size(32)));
typedef std::int32_t Sums16 __attribute__((vector_size(64)));
typedef std::uint8_t Bytes4 __attribute__((vector_size(4)));
typedef std::uint8_t Bytes8 __attribute__((vector_size(8)));
typedef std::uint8_t Bytes16 __attribute__((vector_size(16)));

// Adds up `taps` vectors of 16 bytes, `step` bytes apart, each times its weight; rounds halves up, clips to a byte.
// The body is the same for every instruction set: only the number of sums in a register differs.
template <class Sums, class Bytes>
[[gnu::always_inline]] inline void weigh(const std::uint8_t* in, std::ptrdiff_t step, const std::int32_t* weights,
                                         int taps, std::uint8_t* out) {
  constexpr int kLanes = sizeof(Bytes);
  constexpr int kVectors = kStripRows / kLanes;

  Sums sums[kVectors];
  for (Sums& sum : sums) sum = Sums{} + (1 << (kWeightBits - 1));
  for (int t = 0; t < taps; ++t, in += step) {
    for (int v = 0; v < kVectors; ++v) {
      Bytes bytes;
      std::memcpy(&bytes, in + v * kLanes, kLanes);
      sums[v] += __builtin_convertvector(bytes, Sums) * weights[t];
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    Sums value = sums[v] >> kWeightBits;
    value = value < 0 ? Sums{} : value;
    value = value > 255 ? Sums{} + 255 : value;
    const Bytes bytes = __builtin_convertvector(value, Bytes);
    std::memcpy(out + v * kLanes, &bytes, kLanes);
  }
}

template <class Sums, class Bytes>
[[gnu::always_inline]] inline void across(const std::uint8_t* strip, const Channels& channels, const Filter& filter,
                                          std::uint8_t* out) {
  const std::ptrdiff_t step = std::ptrdiff_t{channels.pixel_bytes} * kStripRows;
  const int begin = filter.begin();
  for (const Window& window : filter.windows) {
    const std::uint8_t* pixel = strip + (window.first - begin) * step;
    for (int c = 0; c < channels.count; ++c, out += kStripRows) {
      weigh<Sums, Bytes>(pixel + channels.offset[c] * kStripRows, step, &filter.weights[window.weights], window.taps, out);
    }
  }
}

template <class Sums, class Bytes>
[[gnu::always_inline]] inline void down(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights,
                                        int taps, int bytes, std::uint8_t* out) {
  for (int x = 0; x < bytes; x += 16) weigh<Sums, Bytes>(rows + x, stride, weights, taps, out + x);
}

void across_any(const std::uint8_t* strip, const Channels& channels, const Filter& filter, std::uint8_t* out) {
  across<Sums4, Bytes4>(strip, channels, filter, out);
}

void down_any(const std::uint8_t* rows, std::ptrdiff_t stride, const std::int32_t* weights, int taps, int bytes,
              std::uint8_t* out) {
  down<Sums4, Bytes4>(rows, stride, weights, taps, bytes, out);
}

#ifdef __x86_64__

// The levels of the x86-64 psABI: v3 is AVX2, v4 is AVX-512.
[[gnu::target("arch=x86-64-v3")]] void across_v3(const std::uint8_t* strip, const Channels& channels,
                                                 const Filter& filter, std::uint8_t* out) {
  across<Sums8, Bytes8>(strip, channels, filter, out);
}

[[gnu::target("arch=x86-64-v3")]] void down_v3(const std::uint8_t* rows, std::ptrdiff_t stride,
                                               const std::int32_t* weights, int taps, int bytes, std::uint8_t* out) {
  down<Sums8, Bytes8>(rows, stride, weights, taps, bytes, out);
}

[[gnu::target("arch=x86-64-v4")]] void across_v4(const std::uint8_t* strip, const Channels& channels,
                                                 const Filter& filter, std::uint8_t* out) {
  across<Sums16, Bytes16>(strip, channels, filter, out);
}

[[gnu::target("arch=x86-64-v4")]] void down_v4(const std::uint8_t* rows, std::ptrdiff_t stride,
                                               const std::int32_t* weights, int taps, int bytes, std::uint8_t* out) {
  down<Sums16, Bytes16>(rows, stride, weights, taps, bytes, out);
}

constexpr Passes kPasses[] = {{"x86-64-v4", across_v4, down_v4},
                              {"x86-64-v3", across_v3, down_v3},
                              {"x86-64", across_any, down_any}};

std::size_t first_supported() {
  if (__builtin_cpu_supports("x86-64-v4")) return 0;
  if (__builtin_cpu_supports("x86-64-v3")) return 1;
  return 2;
}

#else

constexpr Passes kPasses[] = {{"any", across_any, down_any}};

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
