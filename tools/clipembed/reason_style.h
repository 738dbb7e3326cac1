// How the contact sheet and the timeline show why a frame was chosen: one colour, one shape and one explanation for
// each reason. Stateless; any thread.
#pragma once

#include <span>
#include <string_view>

namespace clipembed {

struct ReasonStyle {
  const char* name;     // as `clip-select` messages have it
  const char* meaning;  // a short clause
  // Colours that people with colour-blindness tell apart (Okabe and Ito 2008), #rrggbb; `on_dark` on dark grounds.
  const char* on_light;
  const char* on_dark;
  const char* marker;  // an SVG path of about 12 x 12 around 0, 0, so that nothing hangs on colour alone
};

// Every known reason, in the order of legends.
std::span<const ReasonStyle> reason_styles();
// A reason that is not known has a grey dot and its own name is what says it.
const ReasonStyle& reason_style(std::string_view reason);

}  // namespace clipembed
