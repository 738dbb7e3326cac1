// Draws the frames chosen of a video as one picture: under a title, a grid of them with time, reason and shot below
// each, and what the reasons mean. Thread-safe: Pango and cairo keep what they share to a thread.
#pragma once

#include <string>

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

// So many frames at most are drawn, evenly picked among those that have a picture; the title then says so.
constexpr std::size_t kMaxSheetFrames = 256;
// No side of a picture on the sheet is longer, in pixels: larger ones are scaled down, smaller ones enlarged.
constexpr int kSheetPictureSide = 384;

// The bytes of a PNG file. `name` is the title. Errors: kFailed where no frame has a picture, and where
// there is no memory.
Result<std::string> draw_contact_sheet(const std::string& name, const MediaEmbedding& video);

}  // namespace clipembed
