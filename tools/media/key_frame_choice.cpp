#include "tools/media/key_frame_choice.h"

#include <algorithm>

namespace clipembed {

using std::chrono::nanoseconds;

unsigned VideoParts::part_of(nanoseconds time) const {
  const double part = static_cast<double>(time.count()) / static_cast<double>(duration_.count()) * count_;
  return static_cast<unsigned>(std::clamp(part, 0.0, static_cast<double>(count_ - 1)));
}

// Before the first frame and behind the last one half as much is a gap: nothing stands on the other side.
std::vector<std::vector<nanoseconds>> VideoParts::gaps(const std::vector<nanoseconds>& times) const {
  const nanoseconds part = duration_ / count_;
  std::vector<std::vector<nanoseconds>> gaps;
  nanoseconds from = -part;
  for (std::size_t i = 0; i <= times.size(); ++i) {
    const nanoseconds to = i < times.size() ? times[i] : duration_ + part / 2;
    if (to - from > 2 * part) {
      const auto missing = (to - from - nanoseconds(1)) / part;
      std::vector<nanoseconds> gap;
      for (std::int64_t k = 1; k <= missing; ++k) {
        const nanoseconds time = from + (to - from) / (missing + 1) * k;
        if (time >= nanoseconds(0) && time < duration_) gap.push_back(time);
      }
      if (!gap.empty()) gaps.push_back(std::move(gap));
    }
    from = to;
  }
  return gaps;
}

}  // namespace clipembed
