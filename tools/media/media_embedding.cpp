#include "tools/media/media_embedding.h"

namespace clipembed {

Result<Sampling> parse_sampling(std::string_view name) {
  for (const Sampling sampling : {Sampling::kAuto, Sampling::kThorough, Sampling::kKeyframes})
    if (name == to_string(sampling)) return sampling;
  return Error{Error::Kind::kSettings, "sampling " + std::string(name) + ": not one of auto, thorough, keyframes"};
}

const char* to_string(Sampling sampling) {
  switch (sampling) {
    case Sampling::kAuto:
      return "auto";
    case Sampling::kThorough:
      return "thorough";
    case Sampling::kKeyframes:
      return "keyframes";
  }
  return "";
}

}  // namespace clipembed
