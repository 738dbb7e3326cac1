// libgstclipembed.so: the plugin. Registers its elements and metas and loads nothing; LibTorch comes with the first
// model.
#include <gst/gst.h>

#include "gst/clipembed.h"
#include "gst/clipmeta/clipmeta.h"
#include "gst/clipselect.h"

// A process that receives the metas from another one restores those it knows: from 1.28 on whatever the registry lists,
// until then what has been registered by a loaded plugin.
static gboolean register_meta(GstPlugin* plugin, const GstMetaInfo* info) {
#if GST_CHECK_VERSION(1, 28, 0)
  return gst_meta_factory_register(plugin, info);
#else
  return plugin && info;
#endif
}

static gboolean plugin_init(GstPlugin* plugin) {
  return GST_ELEMENT_REGISTER(clipembed, plugin) && GST_ELEMENT_REGISTER(clipselect, plugin) &&
         register_meta(plugin, GST_CLIP_EMBEDDING_META_INFO) && register_meta(plugin, GST_CLIP_MARK_META_INFO);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, clipembed, "CLIP embeddings of video frames", plugin_init,
                  VERSION, "LGPL", PACKAGE, PACKAGE_ORIGIN)
