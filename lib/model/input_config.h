// How transformers' CLIPImageProcessor is set up for a checkpoint: processor_config.json where it has an
// "image_processor" (as transformers 5 writes it), else preprocessor_config.json, else CLIP's defaults.
#pragma once

#include <array>
#include <filesystem>

#include "lib/image/preprocess.h"
#include "lib/result.h"

namespace clipembed {

struct InputConfig {
  InputGeometry geometry;
  // CLIP's own. Source: transformers, OPENAI_CLIP_MEAN and OPENAI_CLIP_STD.
  std::array<float, 3> mean = {0.48145466F, 0.4578275F, 0.40821073F};
  std::array<float, 3> stddev = {0.26862954F, 0.26130258F, 0.27577711F};
};

// `image_size` is the vision tower's: the default of both sizes, and what the crop must be.
// Errors: kFormat naming file and key for anything but resize by bicubic, centre crop, rescale by 1/255, normalise.
Result<InputConfig> read_input_config(const std::filesystem::path& directory, int image_size);

}  // namespace clipembed
