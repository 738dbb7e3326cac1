// What the contact sheet and the timeline are drawn from: a video, the frames that were chosen of it, and how its
// content went on. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clipembed {

// Rows from the top, R G B, without padding.
struct RgbPicture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> bytes;
};

struct DrawnFrame {
  std::chrono::nanoseconds time{};  // stream time
  std::string reason;               // see reason_styles()
  // Not known where shots were not looked for.
  std::optional<int> scene = {};       // number of its shot, from 0
  std::optional<double> score = {};    // what frames of a shot are ranked by, 0 to 1
  std::optional<double> entropy = {};  // bits
  RgbPicture picture;                  // upright, with square pixels; the timeline needs none
};

struct ContentScore {
  std::chrono::nanoseconds time{};
  double score = 0;  // how unlike the frame before it; 0 is the same, or the same scene in motion
};

struct DrawnBoundary {
  std::chrono::nanoseconds time{};  // of the first frame of the new shot
  bool gradual = false;             // the end of a dissolve or a fade
};

struct DrawnVideo {
  std::string name;                             // of the file, as it is to be shown
  std::chrono::nanoseconds duration{};          // 0: unknown
  int width = 0, height = 0;                    // upright; 0: unknown
  std::string sampling;                         // "thorough", "keyframes"
  std::optional<std::size_t> scene_count = {};  // unknown where shots were not looked for
  std::vector<DrawnFrame> frames;               // by time
  std::vector<ContentScore> scores;             // by time; none where they were not asked for
  std::vector<DrawnBoundary> boundaries;        // by time
};

}  // namespace clipembed
