// One file in, one vector out, whatever it is: the whole way for a caller that has one file at a time. A caller with
// many uses the parts (PicturePipeline batches still images of different files).
#pragma once

#include "lib/result.h"
#include "tools/media/deadline.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"

namespace clipembed {

// Runs on the calling thread, after gst_init(). The deadline is fed with every sign of life of a decoder, suspended
// while a still image waits for the engine, and obeyed once abandoned. `progress`, for videos, may be empty. Errors:
// those of load_still_image(), embed_video() and the element.
Result<MediaEmbedding> embed_media(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress);

}  // namespace clipembed
