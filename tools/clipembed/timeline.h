// Draws what the choice of frames saw: content score over time, where shots begin, the chosen frames with their
// reasons, and a legend. Readable on light and dark grounds, with a title and a description for those who listen.
// Stateless; any thread.
#pragma once

#include <string>

#include "tools/clipembed/drawn_video.h"

namespace clipembed {

// An SVG 1.1 document of its own. Any video will do, also one without scores or frames.
std::string draw_timeline(const DrawnVideo& video);

}  // namespace clipembed
