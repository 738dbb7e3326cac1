// Which key frames stand for a video, and where more frames are needed. Plain functions of their arguments; no locks.
//
//   a video is divided into equal parts: the best key frame of each part counts
//   between two of them that are further apart than two parts: frames at equal distances, one a part
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace clipembed {

class VideoParts {
 public:
  // Precondition: both are positive.
  VideoParts(std::chrono::nanoseconds duration, unsigned count) : duration_(duration), count_(count) {}

  // From 0; what lies outside of the video belongs to its first or last part.
  unsigned part_of(std::chrono::nanoseconds time) const;

  // Times at which frames are missing, given those there are (in order), each list for one stretch without any.
  std::vector<std::vector<std::chrono::nanoseconds>> gaps(const std::vector<std::chrono::nanoseconds>& times) const;

 private:
  std::chrono::nanoseconds duration_;
  unsigned count_;
};

}  // namespace clipembed
