// The gst-launch lines that files go through, as text with placeholders, so that a configuration can replace them.
//
//   {source}   the content of the file: an appsrc in pull mode ("video"), or of decoded pictures ("still", "animation")
//   {select}   clipselect, which lets only the frames through that stand for the video
//   {orient}   makes chosen frames progressive, and turns them as the container says
//   {embed}    clipembed, with the model and the rest of EmbedderSettings
//   {sink}     takes the frames away
//
// A line holds {source}, {embed} and {sink} once each, and may hold others; {select} and {orient} make sense in "video"
// and "animation". {select} may be left out: every frame is embedded then. In "video" an element named `decoder` that
// is a decodebin3 decodes only the first video stream.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/result.h"

namespace clipembed {

struct PipelineTexts {
  std::string still = "{source} ! {embed} ! {sink}";
  std::string animation = "{source} ! {select} ! {embed} ! {sink}";
  std::string video = "{source} ! decodebin3 name=decoder ! videoconvert ! {select} ! {orient} ! {embed} ! {sink}";
};

// {sink}, whatever the line.
inline constexpr char kFrameSink[] = "fakesink async=false sync=false enable-last-sample=false";

using Placeholders = std::vector<std::pair<std::string_view, std::string>>;  // name without braces -> text

// The line with every placeholder replaced. Errors: kSettings for a name in braces that is none of them, and for a
// {source}, {embed} or {sink} that is not there exactly once.
Result<std::string> expand_pipeline(std::string_view text, const Placeholders& placeholders);

}  // namespace clipembed
