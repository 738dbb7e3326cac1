// Draws what the choice of frames saw: content score over time, where shots begin, the chosen frames with their
// reasons, and a legend. Readable on light and dark grounds, with a title and a description for those who listen.
// Stateless; any thread.
#pragma once

#include <string>

#include "tools/media/media_embedding.h"

namespace clipembed {

// An SVG 1.1 document of its own; `name` is the title. Any video will do, also one without scores or frames.
std::string draw_timeline(const std::string& name, const MediaEmbedding& video);

}  // namespace clipembed
