// One video file in, one vector out: the mean over all frames of its first video stream.
//
//   filesrc ! decodebin3 ! videoconvert ! videoflip ! clipembed ! fakesink -> `clip-summary`
//
// Runs the pipeline to its end on the calling thread; the streaming threads are GStreamer's.
#pragma once

#include <cstdint>
#include <string>

#include "lib/result.h"
#include "tools/clipembed/deadline.h"
#include "tools/clipembed/embedder.h"

namespace clipembed {

struct VideoOptions {
  bool auto_orient = true;       // turns frames as the container's orientation tag says
  std::uint64_t max_pixels = 0;  // of a frame
};

// Feeds the deadline with every frame, and stops early once it has been abandoned. Errors: kFormat for what GStreamer
// does not recognise or cannot decode, and for files without video, kFailed for damaged ones, kCancelled.
Result<EmbeddingMessage> embed_video(const std::string& path, const VideoOptions& options,
                                     const EmbedderSettings& settings, Deadline& deadline);

}  // namespace clipembed
