// libgstclipembed.so: the plugin. Registers its elements and loads nothing; LibTorch comes with the first model.
#include <gst/gst.h>

#include "gst/clipembed.h"

static gboolean plugin_init(GstPlugin* plugin) { return GST_ELEMENT_REGISTER(clipembed, plugin); }

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, clipembed, "CLIP embeddings of video frames", plugin_init,
                  VERSION, "LGPL", PACKAGE, PACKAGE_ORIGIN)
