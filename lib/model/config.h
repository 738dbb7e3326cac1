// What a CLIP checkpoint directory says of itself: config.json, and preprocessor_config.json or processor_config.json,
// as transformers writes them. Keys that are absent or null take transformers' defaults.
#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "lib/image/preprocess.h"
#include "lib/result.h"

namespace clipembed {

enum class Activation { kQuickGelu, kGelu };

// One transformer tower. Source: transformers' CLIPVisionConfig and CLIPTextConfig.
struct TowerConfig {
  int hidden_size = 768;
  int intermediate_size = 3072;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;
  double layer_norm_eps = 1e-5;
  Activation hidden_act = Activation::kQuickGelu;

  int head_dim() const { return hidden_size / num_attention_heads; }
};

struct VisionConfig : TowerConfig {
  int image_size = 224;
  int patch_size = 32;

  int grid() const { return image_size / patch_size; }  // patches along one side
  int tokens() const { return grid() * grid() + 1; }    // patches and the class token
};

struct TextConfig : TowerConfig {
  TextConfig() : TowerConfig{.hidden_size = 512, .intermediate_size = 2048, .num_attention_heads = 8} {}

  int vocab_size = 49408;
  int max_position_embeddings = 77;
  int eos_token_id = 49407;
};

struct ModelConfig {
  VisionConfig vision;
  TextConfig text;
  int projection_dim = 512;               // floats in an embedding
  InputGeometry input;                    // of the vision tower
  std::array<float, 3> mean{}, stddev{};  // of R, G, B after division by 255
};

// Errors: kNotFound without a config.json, kFormat naming file and key for anything this library cannot run.
Result<ModelConfig> read_config(const std::filesystem::path& directory);

}  // namespace clipembed
