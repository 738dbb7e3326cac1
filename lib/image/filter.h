// Pillow's antialiasing bicubic filter along one axis, as fixed-point weights: which input samples an output sample is
// made of, and how much of each. Sizes in, tables out; pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

namespace clipembed {

// Weights are in units of 2^-22: eight bits stay free for the sample, two for the sign and for sums beyond 1.
inline constexpr int kWeightBits = 32 - 8 - 2;

// The input samples [first, first + taps) and where their weights begin in Filter::weights.
struct Window {
  int first;
  int taps;
  int weights;
};

struct Filter {
  std::vector<Window> windows;  // one an output sample, both ends ascending
  std::vector<std::int32_t> weights;
  int max_taps = 0;

  int begin() const { return windows.front().first; }  // the input samples [begin, end) are used
  int end() const { return windows.back().first + windows.back().taps; }
};

// How an axis of output samples lies on an axis of input samples: output i has its centre at
// `offset` + (i + 0.5) * `scale`, where input j covers [j, j + 1).
struct Axis {
  int inputs;     // 1..65535
  double scale;   // input samples an output sample
  double offset;  // not zero for chroma that is not sited in the middle of its luma samples

  bool operator==(const Axis&) const = default;
};

// The filter for the outputs [first, first + count), every one of which has its centre in [0, inputs + 0.5).
Filter bicubic_filter(const Axis& axis, std::int64_t first, int count);

}  // namespace clipembed
