#include "lib/image/filter.h"

#include <algorithm>
#include <cmath>

namespace clipembed {
namespace {

// R. Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -0.5. The order of operations
// decides the last bit of a double, and is Pillow's (src/libImaging/Resample.c).
double keys_cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// Rounds halves away from zero.
std::int32_t to_fixed_point(double weight) {
  return static_cast<std::int32_t>(weight * (1 << kWeightBits) + (weight < 0 ? -0.5 : 0.5));
}

}  // namespace

Filter bicubic_filter(const Axis& axis, std::int64_t first, int count) {
  const double stretch = std::max(axis.scale, 1.0);  // widening the kernel is what suppresses aliases when shrinking
  const double support = 2.0 * stretch;
  const double inverse = 1.0 / stretch;

  Filter filter;
  filter.windows.reserve(count);
  std::vector<double> raw;
  for (int i = 0; i < count; ++i) {
    const double centre = axis.offset + (static_cast<double>(first + i) + 0.5) * axis.scale;
    const int begin = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int end = std::min(static_cast<int>(centre + support + 0.5), axis.inputs);

    raw.clear();
    double sum = 0.0;
    for (int j = begin; j < end; ++j) {
      raw.push_back(keys_cubic((j - centre + 0.5) * inverse));
      sum += raw.back();
    }
    filter.windows.push_back({begin, end - begin, static_cast<int>(filter.weights.size())});
    filter.max_taps = std::max(filter.max_taps, end - begin);
    for (const double weight : raw) filter.weights.push_back(to_fixed_point(weight / sum));
  }
  return filter;
}

}  // namespace clipembed
