// The two element messages of clipembed; their fields are documented in clipembed.cpp, where users look. Values only:
// no locks, used by the source-pad task.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "gst/pending_frame.h"
#include "lib/engine/engine.h"

namespace clipembed {

// `clip-embedding` of a frame that has been chosen and embedded; transfer full. `late`: the frame has left without it.
GstMessage* new_embedding_message(GstElement* element, const EngineInfo& engine, const PendingFrame& frame, bool late,
                                  bool normalized);

// What became of the frames since the start, the last flush or the last EOS.
class StreamSummary {
 public:
  void add(const PendingFrame& frame);
  void add_skipped() { ++skipped_; }

  // `clip-summary`, transfer full.
  GstMessage* new_message(GstElement* element, const EngineInfo& engine, bool normalized) const;

 private:
  std::vector<float> pooled(bool normalized) const;

  std::uint64_t frames_ = 0;
  std::uint64_t skipped_ = 0;
  double batches_ = 0;
  std::vector<double> sum_;  // of the frames' vectors
  std::chrono::nanoseconds preprocess_{};
  std::chrono::nanoseconds queued_{};
  std::chrono::nanoseconds inference_{};
};

}  // namespace clipembed
