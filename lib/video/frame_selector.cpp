#include "lib/video/frame_selector.h"

#include <algorithm>

namespace clipembed {
namespace {

// A shot is looked at once cameras, encoders and the tails of transitions have settled.
constexpr std::chrono::nanoseconds kSettle = std::chrono::milliseconds(250);

}  // namespace

const char* to_string(SelectReason reason) {
  switch (reason) {
    case SelectReason::kCut:
      return "cut";
    case SelectReason::kSalient:
      return "salient";
    case SelectReason::kCoverage:
      return "coverage";
    case SelectReason::kInterval:
      return "interval";
  }
  return "";
}

void FrameSelector::set_span(std::chrono::nanoseconds start, std::chrono::nanoseconds end) {
  part_released_ = -1;
  span_start_ = start;
  span_end_ = options_.frames > 0 ? end : start;
}

std::vector<FrameVerdict> FrameSelector::push(std::chrono::nanoseconds time, const FrameSketch& sketch) {
  if (next_number_ == 0) shot_start_ = newest_shot_start_ = last_taken_ = time;
  held_.push_back({.number = next_number_++, .time = time, .salience = sketch.salience});
  if (const auto boundary = detector_.push(time, sketch.thumbnail)) note(*boundary);
  held_.back().change = detector_.change();
  std::vector<FrameVerdict> verdicts;
  while (held_.size() >= kMaxHeld ||
         (held_.size() >= kMinHeld && held_.back().time - held_.front().time >= kHeldSpan)) {
    verdicts.push_back(release(false));
  }
  return verdicts;
}

std::vector<FrameVerdict> FrameSelector::drain() {
  while (const auto boundary = detector_.drain()) note(*boundary);
  std::vector<FrameVerdict> verdicts;
  while (!held_.empty()) verdicts.push_back(release(true));
  return verdicts;
}

// A boundary that would make a shot shorter than min_shot is none. One that came to light too late, after a drain,
// belongs to the oldest frame that is left.
void FrameSelector::note(const ShotBoundary& boundary) {
  const auto frame = std::ranges::find_if(held_, [&](const auto& held) { return held.number >= boundary.frame; });
  if (frame == held_.end() || frame->number == 0 || frame->time - newest_shot_start_ < options_.min_shot) return;
  newest_shot_start_ = frame->time;
  frame->boundary = boundary;
}

// One behind the last held frame of the oldest one's shot.
std::size_t FrameSelector::shot_end() const {
  const auto next = std::find_if(held_.begin() + 1, held_.end(), [](const auto& held) { return held.boundary; });
  return next - held_.begin();
}

std::int64_t FrameSelector::part_of(std::chrono::nanoseconds time) const {
  const double whole = static_cast<double>((span_end_ - span_start_).count());
  const double part = static_cast<double>((time - span_start_).count()) / whole * options_.frames;
  return std::clamp(static_cast<std::int64_t>(part), std::int64_t{0}, std::int64_t{options_.frames} - 1);
}

// A frame of this part is chosen.
bool FrameSelector::is_served(std::int64_t part) const {
  return part_released_ >= part ||
         std::ranges::any_of(held_, [&](const auto& held) { return held.chosen && part_of(held.time) == part; });
}

// A frame of the oldest one's shot, which ends before `end`, is chosen.
bool FrameSelector::is_shot_served(std::size_t end) const {
  return shot_released_ ||
         std::any_of(held_.begin(), held_.begin() + end, [](const auto& held) { return held.chosen; });
}

// What the rules ask for that cannot wait until the oldest frame has gone. A part waits until its end is in sight, as a
// shot that begins before that serves it too. A frame that is chosen for a shot may turn out to be the next one's; by
// then the oldest one is still there to be chosen instead.
void FrameSelector::choose(bool last) {
  const std::size_t end = shot_end();
  const auto time = held_.front().time;
  const bool shot_ends = last || end < held_.size();
  if (has_span() && !is_served(part_of(time))) {
    const auto in_part = [part = part_of(time), this](const auto& held) { return part_of(held.time) == part; };
    const std::size_t part_end = std::ranges::find_if_not(held_, in_part) - held_.begin();
    if (part_end < held_.size() || last) {
      take_best(std::min(part_end, end), is_shot_served(end) ? SelectReason::kCoverage : SelectReason::kSalient);
    }
  }
  if (!is_shot_served(end) && (shot_ends || time - shot_start_ >= kSettle)) take_best(end, SelectReason::kSalient);
  if (options_.max_gap.count() > 0 && last_taken_ < time && held_.back().time - last_taken_ >= options_.max_gap) {
    std::size_t in_time = 1;
    while (in_time < end && held_[in_time].time - last_taken_ <= options_.max_gap) ++in_time;
    take_best(in_time, SelectReason::kInterval);
  }
}

// The best of the first held frames.
void FrameSelector::take_best(std::size_t end, SelectReason reason) {
  const auto best = std::max_element(held_.begin(), held_.begin() + end, [](const auto& a, const auto& b) {
    return a.salience.score() < b.salience.score();
  });
  best->chosen = reason;
  last_taken_ = std::max(last_taken_, best->time);
}

FrameVerdict FrameSelector::release(bool last) {
  if (held_.front().boundary) {
    ++shot_;
    shot_start_ = held_.front().time;
    shot_released_ = false;
  }
  // A shot has to wait for its turn: what it asks for is asked when its first frame is the oldest.
  choose(last);
  FrameVerdict verdict = held_.front();
  verdict.shot = shot_;
  if (verdict.chosen) {
    shot_released_ = true;
    if (has_span()) part_released_ = part_of(verdict.time);
    if (verdict.chosen == SelectReason::kSalient && verdict.time == shot_start_) verdict.chosen = SelectReason::kCut;
  }
  held_.pop_front();
  return verdict;
}

}  // namespace clipembed
