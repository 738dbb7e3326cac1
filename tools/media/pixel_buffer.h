// A decoded picture as a GStreamer buffer. Plain functions; any thread.
#pragma once

#include <gst/gst.h>

#include "tools/media/still_image.h"

namespace clipembed {

// The buffer is the pixbuf's own memory: what gdk-pixbuf decoded is not copied again. Its GstVideoMeta tells the rows.
GstBuffer* wrap_pixels(StillImage image);
// video/x-raw of a buffer that wrap_pixels() made, without a frame rate.
GstCaps* caps_of(GstBuffer* buffer);

}  // namespace clipembed
