// Gives an appsrc the bytes of a file through its descriptor, in pull mode: demuxers read where they like, so that a
// `moov` at the end or an index costs nothing. No path is opened, which works in a sandbox too.
#pragma once

#include <gst/app/gstappsrc.h>

#include <atomic>
#include <cstdint>

#include "tools/media/media_file.h"

namespace clipembed {

// A gst-launch element that feed_file() can be used with, before it is linked.
inline constexpr char kFileSource[] = "appsrc name=source stream-type=random-access blocksize=65536";

// The file, and the number of reads so far, must outlive the element. A read that fails is an error message,
// RESOURCE/READ.
void feed_file(GstAppSrc* source, const MediaFile& file, std::atomic<std::uint64_t>& reads);

}  // namespace clipembed
