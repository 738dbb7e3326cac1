// What demuxers pass over in silence: a file that ends before its container says. AVI's and MPEG-4's outermost lengths
// tell. Reads headers only; stateless; any thread.
#pragma once

#include <cstdint>

#include "tools/media/media_file.h"

namespace clipembed {

// Whether an MPEG-4 file has no `moov`, without which nothing in it can be found: it was cut, or never finished.
bool lacks_index(const MediaFile& file);

// 0 where nothing is missing, or nothing tells.
std::uint64_t missing_bytes(const MediaFile& file);

}  // namespace clipembed
