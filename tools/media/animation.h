// GIF and WebP that move, as a video: gdk-pixbuf's loaders decode them, as they do the still ones, and an appsrc takes
// the frames with their times.
#pragma once

#include <gst/app/gstappsrc.h>

#include <cstdint>

#include "lib/result.h"
#include "tools/media/deadline.h"
#include "tools/media/media_file.h"

namespace clipembed {

// Whether a file is a GIF or WebP of more than one picture. Reads it in full.
bool is_animation(const MediaFile& file);

// A gst-launch element that feed_animation() can be used with.
inline constexpr char kAnimationSource[] = "appsrc name=source format=time";

// Opens the animation; its frames are composed one by one, as they are asked for, in the streaming thread. Errors: as
// load_still_image()'s.
Status feed_animation(GstAppSrc* source, const MediaFile& file, std::uint64_t max_pixels, Deadline& deadline);

}  // namespace clipembed
