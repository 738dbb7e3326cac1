// What clipselect posts on the bus; clipselect.cpp documents the fields. Plain functions of their arguments; any
// thread.
#pragma once

#include <gst/gst.h>

#include "lib/video/frame_selector.h"

namespace clipembed {

// Of one frame, in the segment it arrived in; GST_CLOCK_TIME_NONE where there is none.
struct SelectTimes {
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  GstClockTime running_time = GST_CLOCK_TIME_NONE;
};

// Since the start, the last flush or the last EOS.
struct SelectSummary {
  int shots = 0;
  guint64 frames = 0, chosen = 0;
};

// `clip-select`, of a chosen frame. All are transfer full.
GstMessage* new_select_message(GstElement* element, const SelectTimes& times, const FrameVerdict& verdict);
// `clip-score`, of any frame.
GstMessage* new_score_message(GstElement* element, const SelectTimes& times, const FrameVerdict& verdict);
// `clip-select-summary`.
GstMessage* new_select_summary_message(GstElement* element, const SelectSummary& summary);

}  // namespace clipembed
