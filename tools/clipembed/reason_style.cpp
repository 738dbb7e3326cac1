#include "tools/clipembed/reason_style.h"

namespace clipembed {
namespace {

constexpr ReasonStyle kStyles[] = {
    {"cut", "the first frame of a shot", "#0072b2", "#56b4e9", "M0-7 7 0 0 7-7 0z"},
    {"salient", "the best of a shot's first frames", "#007a5a", "#2fc79a", "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z"},
    {"coverage", "its part of the video had none", "#a86500", "#f0b040", "M-5.5-5.5h11v11h-11z"},
    {"interval", "none had been chosen for long", "#b0468c", "#e59bc9", "M0-6.5 6.5 5.5h-13z"},
};
constexpr ReasonStyle kUnknown = {"other", "", "#5f6672", "#aab2c5", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z"};

}  // namespace

std::span<const ReasonStyle> reason_styles() { return kStyles; }

const ReasonStyle& reason_style(std::string_view reason) {
  for (const ReasonStyle& style : kStyles)
    if (reason == style.name) return style;
  return kUnknown;
}

}  // namespace clipembed
