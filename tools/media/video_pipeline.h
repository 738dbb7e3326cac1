// One video in, the vectors of its chosen frames and their mean out: runs MediaOptions::pipelines.video to its end.
//
//   file -> appsrc ! decodebin3 ! videoconvert ! clipselect ! deinterlace ! videoflip ! clipembed ! fakesink
//        -> `clip-select` and `clip-embedding` messages -> ChosenFrames -> MediaEmbedding
//
// The calling thread waits for messages; the streaming threads are GStreamer's.
#pragma once

#include "lib/result.h"
#include "tools/media/deadline.h"
#include "tools/media/embedder.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"

namespace clipembed {

// Feeds the deadline with every sign of life, and stops early once it has been abandoned. `progress` may be empty.
// Errors: kFormat for what GStreamer does not recognise or cannot decode, and for files without video; kFailed for
// damaged ones and those over a limit; kSettings for a pipeline text that is wrong; kCancelled.
Result<MediaEmbedding> embed_video(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress);

}  // namespace clipembed
