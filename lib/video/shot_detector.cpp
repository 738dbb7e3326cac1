#include "lib/video/shot_detector.h"

#include <algorithm>

namespace clipembed {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Longer than the flash of a camera and its afterglow.
constexpr nanoseconds kFlash = milliseconds(150);
constexpr nanoseconds kBaselineSpan = milliseconds(400);
constexpr std::size_t kMaxFrames = 24;

constexpr double kMinChange = 0.5;       // of a cut, in the units of motion_compensated_distance()
constexpr double kMinSeparation = 0.45;  // of all that is before it from all that is after it
constexpr double kBaselineRatio = 2.5;
constexpr double kBaselineOffset = 0.1;

// Frames so far apart, as key frames are, are no motion: one that is unlike the one before begins a shot.
constexpr nanoseconds kFarApart = milliseconds(900);
// In samples of bench/cuts a second apart, odd seeds, all pairs across a cut had more; of those within a shot 15%,
// nearly all in fast pans.
constexpr double kUnlike = 0.75;

// Levels. Too little light to see anything, or too much; a wall or a sky has a colour.
constexpr double kBlankContrast = 3, kBlankColour = 4;
constexpr nanoseconds kAnchorSpan = std::chrono::seconds(2);
constexpr double kSameScene = 0.8;  // correlation

}  // namespace

std::optional<ShotBoundary> ShotDetector::push(nanoseconds time, const Thumbnail& thumbnail) {
  Frame frame{next_number_++, time, thumbnail, coarse_picture(thumbnail)};
  frame.blank = frame.coarse.contrast() < kBlankContrast && frame.coarse.colour() < kBlankColour;
  if (!frames_.empty()) {
    frame.change = motion_compensated_distance(frames_.back().thumbnail, thumbnail);
    frame.far = time - frames_.back().time >= kFarApart;
    if (frame.far) dissolve_.reset();
  }
  frames_.push_back(frame);
  if (frames_.size() > kMaxFrames) frames_.pop_front();

  while (next_decision_ < next_number_) {
    const std::size_t candidate = next_decision_ - frames_.front().number;
    if (!is_decided(candidate)) break;
    if (auto boundary = decide(candidate)) return boundary;
  }
  return frame.blank ? std::nullopt : dissolve_ended();
}

std::optional<ShotBoundary> ShotDetector::drain() {
  while (next_decision_ < next_number_) {
    if (auto boundary = decide(next_decision_ - frames_.front().number)) return boundary;
  }
  return std::nullopt;
}

bool ShotDetector::is_decided(std::size_t candidate) const {
  const std::size_t newer = frames_.size() - 1 - candidate;
  return newer >= kLookAhead || (newer >= kMinLookAhead && frames_.back().time - frames_[candidate].time >= kFlash);
}

std::optional<ShotBoundary> ShotDetector::decide(std::size_t candidate) {
  ++next_decision_;
  const Frame& frame = frames_[candidate];
  ShotBoundary boundary{.frame = frame.number};
  if (frame.blank) {
    dissolve_.reset();
    return std::nullopt;
  }
  if (frames_[candidate - 1].blank) return blank_ended(candidate);
  if (frame.coarse.contrast() >= anchor_contrast_ || frame.time - anchor_time_ > kAnchorSpan) {
    anchor_ = frame.coarse;
    anchor_time_ = frame.time;
    anchor_contrast_ = frame.coarse.contrast();
  }
  if (is_cut(candidate, boundary.score)) {
    begin_shot();
    return boundary;
  }
  return std::nullopt;
}

// The newest frame is what it sees: a cut that is not decided yet is no line.
std::optional<ShotBoundary> ShotDetector::dissolve_ended() {
  const Frame& newest = frames_.back();
  const auto end = dissolve_.push(newest.number, newest.time, newest.thumbnail, newest.coarse);
  if (!end) return std::nullopt;
  const std::uint64_t oldest = newest.number < kLookAhead ? 0 : newest.number - kLookAhead;
  begin_shot();
  return ShotBoundary{std::max(end->frame, oldest), ShotBoundary::Kind::kGradual, end->score};
}

// Fades go through blank frames, which belong to no shot. By now the picture after them has had the look-ahead's time
// to become visible.
std::optional<ShotBoundary> ShotDetector::blank_ended(std::size_t candidate) {
  if (!anchor_ || frames_.back().blank) return std::nullopt;
  double alike = correlation(*anchor_, frames_.back().coarse);
  // The anchor may be a glaring frame at the beginning of a flash.
  for (std::size_t before = 0; before < candidate; ++before) {
    if (frames_[before].blank) continue;
    for (std::size_t after = candidate; after < frames_.size(); ++after) {
      alike = std::max(alike, correlation(frames_[before].coarse, frames_[after].coarse));
    }
  }
  if (alike > kSameScene) return std::nullopt;
  begin_shot();
  return ShotBoundary{frames_[candidate].number, ShotBoundary::Kind::kGradual, 1 - alike};
}

bool ShotDetector::is_cut(std::size_t candidate, double& score) const {
  score = frames_[candidate].change;
  if (frames_[candidate].far) {
    const double alike = correlation(frames_[candidate - 1].coarse, frames_[candidate].coarse);
    return score >= kUnlike && alike <= kSameScene;
  }
  if (score < kMinChange || score < kBaselineRatio * baseline(candidate) + kBaselineOffset) return false;
  const bool into_blank = std::any_of(frames_.begin() + candidate, frames_.end(), [](auto& f) { return f.blank; });
  return !into_blank && separation(candidate) >= kMinSeparation;
}

// How much the picture changes around the candidate anyway: the greater of the means before and after it. As
// PySceneDetect's AdaptiveDetector compares a frame with its neighbours; of each side the largest change is left out,
// as it may be a flash or the next cut.
double ShotDetector::baseline(std::size_t candidate) const {
  const auto trimmed_mean = [](double sum, double largest, int count) {
    return count > 1 ? (sum - largest) / (count - 1) : 0;
  };
  double greatest = 0;
  for (const int direction : {-1, 1}) {
    double sum = 0, largest = 0;
    int count = 0;
    for (std::size_t i = candidate + direction; i < frames_.size(); i += direction) {
      const nanoseconds apart = std::chrono::abs(frames_[i].time - frames_[candidate].time);
      if (apart > kBaselineSpan && count >= 2) break;
      if (direction < 0 && frames_[i].number <= shot_start_) break;
      sum += frames_[i].change;
      largest = std::max(largest, frames_[i].change);
      ++count;
    }
    greatest = std::max(greatest, trimmed_mean(sum, largest, count));
  }
  return greatest;
}

// After a flash the scene before it is back, and so it is before its end: no frame after a cut may resemble one shortly
// before it. One that is only brighter or darker does, as in fades.
double ShotDetector::separation(std::size_t candidate) const {
  double smallest = frames_[candidate].change;
  for (std::size_t before = candidate; before-- > 0;) {
    const nanoseconds flash = frames_[candidate].time - frames_[before + 1].time;  // that may be between
    if (flash > kFlash && candidate - before > kMinLookAhead) break;
    for (std::size_t after = candidate; after < frames_.size(); ++after) {
      if (correlation(frames_[before].coarse, frames_[after].coarse) > kSameScene) return 0;
      smallest = std::min(smallest, motion_compensated_distance(frames_[before].thumbnail, frames_[after].thumbnail));
      if (smallest < kMinSeparation) return smallest;
    }
  }
  return smallest;
}

void ShotDetector::begin_shot() {
  dissolve_.reset();
  shot_start_ = next_decision_ - 1;
  anchor_.reset();
  anchor_contrast_ = 0;
}

}  // namespace clipembed
