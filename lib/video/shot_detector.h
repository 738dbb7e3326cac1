// Where shots begin: hard cuts, and the ends of dissolves and fades. Thumbnails with times go in, boundaries come out,
// of frames at most kLookAhead frames back. One thread at a time; no locks. Memory is bounded: some 3 s of coarse
// pictures and 24 thumbnails.
//
// All spans are times, so that 5 and 60 frames a second give the same shots.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "lib/video/dissolve.h"
#include "lib/video/picture_distance.h"
#include "lib/video/thumbnail.h"

namespace clipembed {

struct ShotBoundary {
  enum class Kind { kCut, kGradual };
  std::uint64_t frame = 0;  // the first of the new shot, counted from 0
  Kind kind = Kind::kCut;
  double score = 0;  // how unlike the shots are, as motion_compensated_distance() has it; of fades 1 - correlation()
};

class ShotDetector {
 public:
  // Frames after a frame that are seen before it is decided whether a shot begins there, at most and, where they are
  // 75 ms and more apart, at least. A flash has to be over by then: it may be as long at 60 frames a second.
  static constexpr int kLookAhead = 6, kMinLookAhead = 2;

  // Times may only grow. At most one boundary becomes known by a frame.
  std::optional<ShotBoundary> push(std::chrono::nanoseconds time, const Thumbnail& thumbnail);
  // Nothing more is coming for now: decides what is open with what is there.
  std::optional<ShotBoundary> drain();

  // How unlike the newest frame is the one before it: motion_compensated_distance(), 0 for the first frame.
  double change() const { return frames_.empty() ? 0 : frames_.back().change; }

 private:
  struct Frame {
    std::uint64_t number;
    std::chrono::nanoseconds time;
    Thumbnail thumbnail;
    CoarsePicture coarse;
    double change = 0;  // motion_compensated_distance() from the frame before
    bool blank = false;
    bool far = false;  // from the frame before, in time
  };

  std::optional<ShotBoundary> decide(std::size_t candidate);
  std::optional<ShotBoundary> blank_ended(std::size_t candidate);
  std::optional<ShotBoundary> dissolve_ended();
  bool is_decided(std::size_t candidate) const;
  bool is_cut(std::size_t candidate, double& score) const;
  double baseline(std::size_t candidate) const;
  double separation(std::size_t candidate) const;
  void begin_shot();

  std::deque<Frame> frames_;  // oldest first; the last ones are undecided
  std::uint64_t next_number_ = 0;
  std::uint64_t next_decision_ = 1;  // the first frame begins a shot anyway
  std::uint64_t shot_start_ = 0;
  DissolveDetector dissolve_;

  // The clearest frame of the shot lately: what comes after blank frames is compared with it.
  std::optional<CoarsePicture> anchor_;
  std::chrono::nanoseconds anchor_time_{};
  double anchor_contrast_ = 0;
};

}  // namespace clipembed
