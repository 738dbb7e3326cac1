// Where a dissolve ends. While one picture turns into another, the pictures between are mixtures of the two: they lie
// on a straight line. Motion does not: half-way through a pan is another place, not half of two places. One thread at
// a time; no locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "lib/video/picture_distance.h"

namespace clipembed {

class DissolveDetector {
 public:
  struct End {
    std::uint64_t frame = 0;  // the last one that may be the first of the new shot is a tick later
    double score = 0;         // motion_compensated_distance() of what was before and after
  };

  // The end of a dissolve, once the picture no longer goes on along its line.
  std::optional<End> push(std::uint64_t frame, std::chrono::nanoseconds time, const Thumbnail& thumbnail,
                          const CoarsePicture& coarse);
  // What comes has nothing to do with what was.
  void reset();

 private:
  struct Tick {
    std::uint64_t frame;
    std::chrono::nanoseconds time;
    Thumbnail thumbnail;
    CoarsePicture coarse;
    double detail;
  };
  struct Line {
    double length, score;
  };

  std::optional<Line> longest_line() const;
  std::optional<Line> line_from(std::size_t first) const;

  std::deque<Tick> ticks_;
  std::optional<End> pending_;
  double pending_length_ = 0;
};

}  // namespace clipembed
