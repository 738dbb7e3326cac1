// Tells a pipeline that has stopped from one that is slow. Some demuxers meet the end of a damaged file without an
// error and without ever having shown a stream (matroskademux, GStreamer 1.26), and then nothing ends the pipeline.
//
// A file lives while its position moves or this process computes. Without either it is given up: soon as long as no
// frame has come, for then there is nothing to wait for but the disk; later when frames may be waiting for the engine.
#pragma once

#include <chrono>

#include "tools/media/media_embedding.h"

namespace clipembed {

class StallWatch {
 public:
  using Clock = std::chrono::steady_clock;
  using CpuTime = std::chrono::microseconds;

  static constexpr std::chrono::seconds kBeforeFrames{3};
  static constexpr std::chrono::seconds kAmongFrames{30};
  static constexpr CpuTime kAlive = std::chrono::milliseconds(5);  // more than looking costs in that time

  // `used`: what this process has computed so far, all threads together.
  bool stalled(const MediaProgress& progress, CpuTime used, Clock::time_point now) {
    if (progress.position != position_ || used - used_ > kAlive) {
      position_ = progress.position;
      used_ = used;
      alive_ = now;
    }
    return now - alive_ > (position_.count() > 0 ? kAmongFrames : kBeforeFrames);
  }

 private:
  std::chrono::nanoseconds position_{-1};
  CpuTime used_{};
  Clock::time_point alive_{};
};

}  // namespace clipembed
