// The choice of frames: sketches with times go in, one verdict a frame comes out, in order, a few frames later. One
// thread at a time; no locks; the same input gives the same choice.
//
//   shots      the best frame of a short while into each shot; of its last frames where it ends before that
//   coverage   `frames` equal parts of a known span have a frame each: where no shot gave it one, one of its last
//   max_gap    between two frames, at most
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "lib/video/shot_detector.h"
#include "lib/video/thumbnail.h"

namespace clipembed {

enum class SelectReason {
  kCut,       // the first frame of a shot, and the best of its first ones
  kSalient,   // stands for its shot
  kCoverage,  // its part of the span had none
  kInterval,  // none for max_gap
};

const char* to_string(SelectReason reason);

struct SelectOptions {
  int frames = 30;
  std::chrono::nanoseconds max_gap = std::chrono::seconds(10);  // 0: any
  std::chrono::nanoseconds min_shot = std::chrono::milliseconds(250);
};

struct FrameVerdict {
  std::uint64_t number = 0;  // of the frame, from 0, since the last reset
  std::chrono::nanoseconds time{};
  Salience salience;
  double change = 0;  // ShotDetector::change()
  int shot = 0;
  std::optional<ShotBoundary> boundary = {};  // it is the first frame of a shot, and not of the first one
  std::optional<SelectReason> chosen = {};
};

class FrameSelector {
 public:
  // Frames that have no verdict yet, the newest included; fewer where they are far apart. Either way it is decided
  // whether the oldest but one begins a shot.
  static constexpr int kMaxHeld = ShotDetector::kLookAhead + 2;
  static constexpr int kMinHeld = ShotDetector::kMinLookAhead + 2;
  static constexpr std::chrono::nanoseconds kHeldSpan = std::chrono::milliseconds(250);

  explicit FrameSelector(const SelectOptions& options) : options_(options) {}

  // What `frames` are to cover, on the scale of the times. Without it there is no such rule.
  void set_span(std::chrono::nanoseconds start, std::chrono::nanoseconds end);
  // Times may not shrink. Returns the verdicts that are final now.
  std::vector<FrameVerdict> push(std::chrono::nanoseconds time, const FrameSketch& sketch);
  // Nothing more is coming for now: the verdicts of all that is held.
  std::vector<FrameVerdict> drain();

 private:
  std::size_t shot_end() const;
  bool has_span() const { return span_end_ > span_start_; }
  std::int64_t part_of(std::chrono::nanoseconds time) const;
  bool is_served(std::int64_t part) const;
  bool is_shot_served(std::size_t end) const;
  void note(const ShotBoundary& boundary);
  void choose(bool last);
  void take_best(std::size_t end, SelectReason reason);
  FrameVerdict release(bool last);

  SelectOptions options_;
  ShotDetector detector_;
  std::deque<FrameVerdict> held_;
  std::uint64_t next_number_ = 0;

  // The span to cover; none where it is empty.
  std::chrono::nanoseconds span_start_{}, span_end_{};
  std::int64_t part_released_ = -1;        // the last one that a chosen frame has gone of
  std::chrono::nanoseconds last_taken_{};  // before one is, the first frame

  // The shot of the oldest held frame, and the start of the newest one.
  int shot_ = 0;
  std::chrono::nanoseconds shot_start_{};
  bool shot_released_ = false;  // a chosen frame of it
  std::chrono::nanoseconds newest_shot_start_{};
};

}  // namespace clipembed
