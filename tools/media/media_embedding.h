// How one file becomes one vector: what may be asked for, and what comes out. Values only; what computes them is
// embed_video.h and embed_picture.h, what writes them down is answer.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"
#include "tools/media/embedder.h"
#include "tools/media/pipeline_text.h"

namespace clipembed {

inline constexpr std::uint64_t kDefaultMaxPixels = 16384 * 16384;

// Which frames of a video are looked at. An animated GIF or WebP is always looked at in full.
enum class Sampling {
  kAuto,       // keyframes for long files that can be sought in, else thorough
  kThorough,   // every frame is decoded; those that stand for the video are embedded
  kKeyframes,  // key frames only, and some between where those leave a gap
};

// "auto", "thorough", "keyframes". Errors: kSettings, which names the choices.
Result<Sampling> parse_sampling(std::string_view name);
const char* to_string(Sampling sampling);

// The same for all files of a kind. How a frame becomes a vector (model, normalize, augment) is in EmbedderSettings.
struct MediaOptions {
  // Of a video: equal parts of its duration that have a frame each, at least; shots come on top. 1 or more.
  unsigned frames = 30;
  Sampling sampling = Sampling::kAuto;
  bool auto_orient = true;  // Exif orientation; the rotation that a video's container tells

  // Limits; a file beyond one is an error, kFailed. 0: none, for the last two.
  std::uint64_t max_pixels = kDefaultMaxPixels;  // of a picture or a frame, before it is decoded
  std::uint64_t max_frames = 10000;              // embedded
  std::chrono::nanoseconds max_duration{};       // of a video

  // To draw a video by, at some cost.
  unsigned picture_side = 0;  // each chosen frame as a picture, its longer side at most so many pixels; 0: none
  bool scores = false;        // a FrameScore for every frame that was looked at

  PipelineTexts pipelines = {};
};

// 8-bit RGB, rows without padding.
struct FramePicture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;
};

// A frame that was embedded.
struct ChosenFrame {
  std::chrono::nanoseconds time{};  // from the start of the video (stream time)
  std::string reason;               // cut, salient, coverage or interval; see clipselect
  // Absent where nothing tells.
  std::optional<int> scene = {};       // number of its shot, from 0
  std::optional<double> score = {};    // what frames of a shot are ranked by, 0 to 1
  std::optional<double> entropy = {};  // of its luma histogram, in bits, 0 to 8
  std::vector<float> embedding = {};
  // Upright, with square pixels; empty without picture_side, and for some where there are hundreds of frames.
  FramePicture picture = {};
};

// What the choice saw of a frame, chosen or not.
struct FrameScore {
  enum class Begins { kNothing, kCut, kGradual };
  std::chrono::nanoseconds time{};
  double change = 0;                 // content score, how unlike the frame before it; see clipselect
  Begins begins = Begins::kNothing;  // a new shot
};

// Where the time of a file went, as far as it is known: of a video in sum over its frames, so that stages which ran at
// once count in full. `decode` of a video is all its time but that of the other stages.
struct MediaEmbedding {
  // Of a still image its vector; of a video the mean of its frames' vectors, of unit length again unless the embedder
  // was told not to normalise.
  std::vector<float> vector;
  bool is_video = false;  // an animation too
  Timings timings;
  std::string warning;  // something was wrong, and the vector is there all the same; empty: nothing

  // Of a video.
  std::vector<ChosenFrame> frames;  // by time; at least one
  std::vector<FrameScore> scores;   // by time; none without MediaOptions::scores
  std::optional<std::chrono::nanoseconds> duration;
  int width = 0, height = 0;              // as it is to be shown: upright, with square pixels; 0: unknown
  Sampling method = Sampling::kThorough;  // never kAuto
  std::optional<unsigned> scene_count;    // shots, where they were looked for
  std::string decoder;                    // factory of the element that decoded it, "avdec_h264"; empty: unknown
};

// How far a video is. `position` is stream time; `duration` is unknown for some files.
struct MediaProgress {
  std::chrono::nanoseconds position{};
  std::optional<std::chrono::nanoseconds> duration;
};
// Called some times a second, on the thread that embeds the file, as long as it does.
using ProgressCallback = std::function<void(const MediaProgress&)>;

}  // namespace clipembed
