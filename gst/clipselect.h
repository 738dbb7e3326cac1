// The `clipselect` element: properties, pads and policy. See clipselect.cpp for what it does and what it posts.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CLIP_SELECT (gst_clip_select_get_type())
G_DECLARE_FINAL_TYPE(GstClipSelect, gst_clip_select, GST, CLIP_SELECT, GstElement)

GST_ELEMENT_REGISTER_DECLARE(clipselect)

G_END_DECLS
