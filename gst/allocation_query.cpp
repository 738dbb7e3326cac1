#include "gst/allocation_query.h"

#include <gst/video/video.h>

#include "gst/frame_format.h"

namespace clipembed {

// A decoder whose pool has no buffer more than downstream needs would starve on those that wait here. And what is
// looked at is the whole buffer, so it is not to leave the cropping of its padding to those behind us.
void amend_allocation(GstQuery* query, guint held) {
  guint cropping;
  if (gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, &cropping)) {
    gst_query_remove_nth_allocation_meta(query, cropping);
  }
  const guint pools = gst_query_get_n_allocation_pools(query);
  for (guint i = 0; i < pools; ++i) {
    GstBufferPool* pool = nullptr;
    guint size, min, max;
    gst_query_parse_nth_allocation_pool(query, i, &pool, &size, &min, &max);
    gst_query_set_nth_allocation_pool(query, i, pool, size, min + held, max > 0 ? max + held : 0);
    if (pool) gst_object_unref(pool);
  }
  GstCaps* caps = nullptr;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (pools > 0 || !caps) return;
  if (const auto format = parse_frame_format(caps)) {
    gst_query_add_allocation_pool(query, nullptr, static_cast<guint>(format->info.size), held, 0);
  }
}

}  // namespace clipembed
