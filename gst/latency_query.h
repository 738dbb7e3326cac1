// How an element that holds frames answers a LATENCY query. A plain function of its arguments; any thread.
#pragma once

#include <gst/gst.h>

namespace clipembed {

// Upstream's answer plus `latency`. False where upstream has none; true, and whether it is live, otherwise.
bool answer_latency(GstPad* sinkpad, GstQuery* query, GstClockTime latency, bool* live = nullptr);

}  // namespace clipembed
