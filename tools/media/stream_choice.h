// Makes a decodebin3 decode the first video stream and nothing else: what is not decoded costs nothing.
#pragma once

#include <gst/gst.h>

namespace clipembed {

// The first video stream of a collection, in which it stays; nullptr where there is none.
GstStream* first_video(GstStreamCollection* collection);

// Does nothing to an element that chooses no streams.
void choose_first_video(GstElement* decodebin);

}  // namespace clipembed
