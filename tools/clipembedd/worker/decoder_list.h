// Which of the demuxers, parsers and decoders that are installed uploads may reach, and loading all of them before the
// sandbox closes. The formats that people have photos and videos in, in the implementations that are looked after
// upstream; nothing that fetches what a file points to (HLS, DASH, SVG), and no decoders of old games.
#pragma once

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

// After gst_init(): takes the rank of every other demuxer, parser and decoder, so that decodebin3 never plugs it (a
// configured pipeline may still name it), and removes the typefinders of other plugins. `hardware`: decoders that need
// a device as well.
void keep_listed_decoders(bool hardware);

// Loads what may be needed later, of GStreamer and of gdk-pixbuf. Errors: kSettings for a pipeline that cannot be made,
// kLibrary.
Status load_decoders(const PipelineTexts& pipelines);

}  // namespace clipembed
