#include "gst/latency_query.h"

namespace clipembed {

bool answer_latency(GstPad* sinkpad, GstQuery* query, GstClockTime latency, bool* live) {
  if (!gst_pad_peer_query(sinkpad, query)) return false;
  gboolean upstream_live;
  GstClockTime min, max;
  gst_query_parse_latency(query, &upstream_live, &min, &max);
  gst_query_set_latency(query, upstream_live, min + latency, GST_CLOCK_TIME_IS_VALID(max) ? max + latency : max);
  if (live) *live = upstream_live;
  return true;
}

}  // namespace clipembed
