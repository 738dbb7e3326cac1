// One video in, the vectors of its chosen frames and their mean out.
//
//   file -> appsrc ! decodebin3 ! videoconvert ! clipselect ! deinterlace ! videoflip ! clipembed ! fakesink
//        -> messages -> ChosenFrames -> MediaEmbedding
//
// Hardware decoders go first, as their rank is higher. When a decoder fails and there is another one, the video is
// embedded again from its start without the one that failed; nothing of the first try is kept but a warning.
#pragma once

#include "lib/result.h"
#include "tools/media/deadline.h"
#include "tools/media/embedder.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"

namespace clipembed {

// Whether a file goes through embed_video() rather than load_still_image(): streams, and GIF and WebP that move. Reads
// those in full.
bool is_video(const MediaFile& file);

// Waits on the calling thread. Feeds the deadline with every decoded frame, and stops early once it has been abandoned.
// `progress` may be empty. A file that is damaged after its first frames is no error: what could be decoded counts, and
// `warning` says so. Errors: kFormat for what GStreamer does not recognise or cannot decode, and for files without
// video; kFailed for those without a frame, and those over a limit; kSettings for a pipeline text that is wrong;
// kCancelled.
Result<MediaEmbedding> embed_video(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress);

}  // namespace clipembed
