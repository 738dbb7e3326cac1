// The tensors that transformers' CLIPModel of a configuration has, with their shapes. Source: modeling_clip.py
// (4.x, 5.x).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lib/model/config.h"

namespace clipembed {

using Schema = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

Schema vision_schema(const ModelConfig& config);  // with visual_projection
Schema text_schema(const ModelConfig& config);    // with text_projection and logit_scale

}  // namespace clipembed
