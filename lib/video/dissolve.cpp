#include "lib/video/dissolve.h"

#include <algorithm>
#include <cmath>

namespace clipembed {
namespace {

using std::chrono::milliseconds;

constexpr auto kTick = milliseconds(60);  // less a few for rounded timestamps: every frame up to 15 a second
constexpr std::size_t kMaxTicks = 50;     // 3 s
constexpr std::size_t kSteps[] = {3, 4, 6, 8, 12, 16, 24, 32, 40, 48};

constexpr double kMinLength = 10;   // levels, root mean square, from end to end
constexpr double kMinContrast = 4;  // levels
constexpr double kFaded = 0.5;      // of contrast and brightness, both
constexpr double kSameScene = 0.7;  // correlation of the two ends: above, the light has changed in one scene
// Of the two ends, as motion_compensated_distance() has it. In a sample of bench/cuts, seed 1, dissolves had
// 1.04 and more, and shake and slow pans that came near a line 0.87 and less.
constexpr double kMinUnlike = 0.95;
constexpr double kMaxResidual = 0.20;  // mean distance from the line, as a part of its length
constexpr double kMaxStep = 0.6;       // of the way in one tick; more is a cut
constexpr double kMinHalf = 0.2;       // of the way in each half of the time: a pan that ends in a fade is no line
constexpr double kMaxBack = 0.1;
constexpr double kRising = 1.02;
constexpr double kGrowth = 1.015;  // a tick that gets less far than this is behind the end

// One end as the other, seen through a half-closed iris. The shot detector sees fades by their blank frames.
bool is_fade(const CoarsePicture& from, const CoarsePicture& to) {
  const auto faded = [](double a, double b) { return std::min(a, b) < kFaded * std::max(a, b); };
  const bool darker = to.brightness() < from.brightness(), fainter = to.contrast() < from.contrast();
  return darker == fainter && faded(from.contrast(), to.contrast()) && faded(from.brightness(), to.brightness());
}

// Details of unrelated pictures fade with the square of their part in a mixture; those of a picture that moves, or gets
// brighter, stay.
bool is_mixture(double from, double between, double to, double along) {
  const double back = 1 - along;
  const double mixed = back * back * from + along * along * to, moved = back * from + along * to;
  return between < (mixed + moved) / 2;
}

}  // namespace

void DissolveDetector::reset() {
  ticks_.clear();
  pending_.reset();
  pending_length_ = 0;
}

std::optional<DissolveDetector::End> DissolveDetector::push(std::uint64_t frame, std::chrono::nanoseconds time,
                                                            const Thumbnail& thumbnail, const CoarsePicture& coarse) {
  if (!ticks_.empty() && time - ticks_.back().time < kTick) return std::nullopt;
  // A shot that only becomes visible begins later.
  if (ticks_.size() == 1 && coarse.contrast() > kRising * ticks_.back().coarse.contrast()) ticks_.clear();
  ticks_.push_back({frame, time, thumbnail, coarse, detail(thumbnail)});
  if (ticks_.size() > kMaxTicks) ticks_.pop_front();

  const std::optional<Line> line = longest_line();
  if (line && line->length > pending_length_ * kGrowth) {
    pending_ = End{ticks_[ticks_.size() - 2].frame + 1, line->score};
    pending_length_ = line->length;
    return std::nullopt;
  }
  const std::optional<End> ended = pending_;
  return ended;
}

std::optional<DissolveDetector::Line> DissolveDetector::longest_line() const {
  std::optional<Line> longest;
  for (const std::size_t steps : kSteps) {
    if (steps >= ticks_.size()) break;
    const auto line = line_from(ticks_.size() - 1 - steps);
    if (line && (!longest || line->length > longest->length)) longest = line;
  }
  return longest;
}

// From ticks_[first] to the last one. Of each between, `along` is how far it is on the way, by least squares, and
// `beside` how far from the line.
std::optional<DissolveDetector::Line> DissolveDetector::line_from(std::size_t first) const {
  const CoarsePicture &from = ticks_[first].coarse, &to = ticks_.back().coarse;
  const double length = distance(from, to);
  if (length < kMinLength || from.contrast() < kMinContrast || to.contrast() < kMinContrast) return std::nullopt;
  if (is_fade(from, to) || correlation(from, to) > kSameScene) return std::nullopt;

  const std::size_t size = from.levels.size();
  const double squared_length = length * length * static_cast<double>(size);
  double previous = 0, residual = 0, half_way = 0;
  const Tick* half_tick = nullptr;
  for (std::size_t i = first + 1; i < ticks_.size(); ++i) {
    const CoarsePicture& between = ticks_[i].coarse;
    double product = 0, squares = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const double way = to.levels[k] - from.levels[k], gone = between.levels[k] - from.levels[k];
      product += way * gone;
      squares += gone * gone;
    }
    const double along = product / squared_length;
    const double beside = std::sqrt(std::max(0.0, squares / squared_length - along * along));
    if (along - previous > kMaxStep || previous - along > kMaxBack) return std::nullopt;
    const bool half = i == (first + ticks_.size() - 1) / 2;
    if (half && (along < kMinHalf || along > 1 - kMinHalf)) return std::nullopt;
    if (std::abs(along - 0.5) < std::abs(half_way - 0.5)) {
      half_way = along;
      half_tick = &ticks_[i];
    }
    previous = along;
    residual += beside;
  }
  if (!half_tick || !is_mixture(ticks_[first].detail, half_tick->detail, ticks_.back().detail, half_way))
    return std::nullopt;
  const double steps = static_cast<double>(ticks_.size() - 1 - first);
  if (residual / (steps - 1) > kMaxResidual) return std::nullopt;
  const double unlike = motion_compensated_distance(ticks_[first].thumbnail, ticks_.back().thumbnail);
  if (unlike < kMinUnlike) return std::nullopt;
  return Line{length, unlike};
}

}  // namespace clipembed
