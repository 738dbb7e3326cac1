// The `clipembed` element: properties, pads and state changes. See clipembed.cpp for what it does and what it posts.
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_CLIP_EMBED (gst_clip_embed_get_type())
G_DECLARE_FINAL_TYPE(GstClipEmbed, gst_clip_embed, GST, CLIP_EMBED, GstElement)

GST_ELEMENT_REGISTER_DECLARE(clipembed)

G_END_DECLS
