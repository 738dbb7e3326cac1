// The embedding of a frame -> metadata on its buffer. A plain function of its arguments; no locks, any thread.
#pragma once

#include <gst/gst.h>

#include <span>

#include "lib/engine/engine.h"

namespace clipembed {

// Adds a GstClipEmbeddingMeta (gst/clipmeta/clipmeta.h, which documents the arguments) to those that `writable` has,
// and, where GStreamer has GstTensorMeta, a tensor `clip-image-embedding` of 1 x dim floats, row-major, to those of
// other elements. `values`: info().dim floats, 1 to 65536, normalised already where `normalized`.
void attach_embedding(GstBuffer* writable, const EngineInfo& engine, std::span<const float> values, bool normalized,
                      const char* reason, int scene_index, double score);

}  // namespace clipembed
