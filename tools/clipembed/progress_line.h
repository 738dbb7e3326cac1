// What a progress bar says, as text. Stateless; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tools/media/media_embedding.h"

namespace clipembed {

enum class ProgressUnit { kFiles, kBytes };

struct ProgressState {
  ProgressUnit unit = ProgressUnit::kFiles;
  std::uint64_t done = 0, total = 0;
  std::chrono::nanoseconds elapsed{};        // since the start of the first
  std::string current;                       // what is worked on
  std::optional<MediaProgress> place = {};   // in `current`, where that is a video
  std::chrono::nanoseconds place_elapsed{};  // since it was at its start
};

//   [=====               ] 3/12  1.2/s  0:07 left  clip.mp4
//   [==========          ] 1:02 of 2:04  8.5x  0:07 left  clip.mp4       where it is the only file
//   [=====               ] 3/12  1.2/s  0:07 left  clip.mp4 1:02 of 2:04
std::string progress_line(const ProgressState& state);

}  // namespace clipembed
