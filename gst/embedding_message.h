// The two element messages of clipembed; their fields are documented in clipembed.cpp, where users look. Values only:
// no locks, used by the source-pad task.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "lib/engine/engine.h"

namespace clipembed {

// Of one frame, in the segment it arrived in; GST_CLOCK_TIME_NONE where there is none.
struct FrameTimes {
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
};

// Divides by the Euclidean norm; a vector of zeros stays as it is.
void l2_normalise(std::span<float> values);

// `clip-embedding`, transfer full. `embedding`: its values normalised already where `normalized`.
GstMessage* new_embedding_message(GstElement* element, const EngineInfo& engine, std::uint64_t frame,
                                  const FrameTimes& times, const Embedding& embedding,
                                  std::chrono::nanoseconds preprocess, bool normalized);

// What became of the frames since the start, the last flush or the last EOS.
class StreamSummary {
 public:
  std::uint64_t frames() const { return frames_; }

  // As posted for the frame, so the values of either all of them are normalised or of none.
  void add(const Embedding& embedding, std::chrono::nanoseconds preprocess);

  // `clip-summary`, transfer full.
  GstMessage* new_message(GstElement* element, const EngineInfo& engine, bool normalized) const;

 private:
  std::vector<float> pooled(bool normalized) const;

  std::uint64_t frames_ = 0;
  double batches_ = 0;       // each frame counts 1/n of a batch of n
  std::vector<double> sum_;  // of the frames' vectors
  std::chrono::nanoseconds preprocess_{};
  std::chrono::nanoseconds queued_{};
  std::chrono::nanoseconds inference_{};
};

}  // namespace clipembed
