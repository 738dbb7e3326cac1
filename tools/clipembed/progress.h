// A progress bar on standard error, drawn only where that is a terminal. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/clipembed/progress_line.h"

namespace clipembed {

class Progress {
 public:
  explicit Progress(ProgressUnit unit);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws at most ten times a second. `current` is what is worked on, and `place` how far it is, of a video.
  void show(std::uint64_t done, std::uint64_t total, std::string_view current, std::optional<MediaProgress> place = {});
  // Before anything else is printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  const ProgressUnit unit_;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_at_{};
  bool drawn_ = false;

  // The video that has a place, and about when it was at its start.
  std::string video_;
  Clock::time_point video_start_{};
};

}  // namespace clipembed
