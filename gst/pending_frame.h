// A frame on its way from clipembed's sink pad to its source pad.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <optional>

#include "gst/frame_embedding.h"
#include "gst/frame_trigger.h"
#include "gst/glib_ptr.h"
#include "lib/result.h"

namespace clipembed {

// Of one frame, in the segment it arrived in; GST_CLOCK_TIME_NONE where there is none.
struct FrameTimes {
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
  GstClockTime duration = GST_CLOCK_TIME_NONE;
};

struct PendingFrame {
  BufferPtr buffer;  // null once it has left ahead of its embedding
  std::uint64_t number = 0;
  FrameTimes times;
  std::optional<Choice> choice;  // nothing: it just passes through
  std::chrono::nanoseconds preprocess{};

  // Guarded by the queue's lock for as long as it is awaited, but for the task, which alone sets `left_early`.
  int views_awaited = 0;       // from the engine
  bool left_early = false;     // before its embedding was there
  FrameEmbedding embedding;    // of the views that are there
  std::optional<Error> error;  // in place of the embedding
};

}  // namespace clipembed
