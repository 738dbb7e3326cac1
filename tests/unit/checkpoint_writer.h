// Writes checkpoints for tests: a tiny CLIP with made-up weights, and safetensors files of any content, malformed too.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <format>
#include <random>
#include <string>
#include <vector>

#include "lib/model/schema.h"
#include "lib/model/tensor.h"
#include "tests/unit/scratch.h"

namespace clipembed {

struct WrittenTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string bytes;
  std::string dtype = "F32";
};

// Two layers of width 8 for a picture of 8x8 in 4 patches.
inline ModelConfig tiny_config() {
  ModelConfig config;
  for (TowerConfig* tower : {static_cast<TowerConfig*>(&config.vision), static_cast<TowerConfig*>(&config.text)}) {
    tower->hidden_size = 8;
    tower->intermediate_size = 16;
    tower->num_hidden_layers = 2;
    tower->num_attention_heads = 2;
  }
  config.vision.image_size = 8;
  config.vision.patch_size = 4;
  config.text.vocab_size = 10;
  config.text.max_position_embeddings = 6;
  config.projection_dim = 4;
  config.input = {.shortest_edge = 8, .crop_width = 8, .crop_height = 8};
  return config;
}

inline std::string tower_json(const TowerConfig& tower, const std::string& more) {
  return std::format(
      R"({{"hidden_size": {}, "intermediate_size": {}, "num_hidden_layers": {}, "num_attention_heads": {}, {}}})",
      tower.hidden_size, tower.intermediate_size, tower.num_hidden_layers, tower.num_attention_heads, more);
}

inline std::string config_json(const ModelConfig& config) {
  const std::string vision = tower_json(config.vision, std::format(R"("image_size": {}, "patch_size": {})",
                                                                   config.vision.image_size, config.vision.patch_size));
  const std::string text =
      tower_json(config.text, std::format(R"("vocab_size": {}, "max_position_embeddings": {})", config.text.vocab_size,
                                          config.text.max_position_embeddings));
  return std::format(R"({{"model_type": "clip", "projection_dim": {}, "vision_config": {}, "text_config": {}}})",
                     config.projection_dim, vision, text);
}

// One fp32 tensor an entry of the schema, the same numbers every time.
inline std::vector<WrittenTensor> made_up_tensors(const Schema& schema) {
  std::minstd_rand random(1);
  std::vector<WrittenTensor> tensors;
  for (const auto& [name, shape] : schema) {
    WrittenTensor tensor{name, shape, {}};
    for (std::size_t i = *count_elements(shape); i > 0; --i) {
      const float value = static_cast<float>(random() % 2001) / 10000.0F - 0.1F;
      const auto bytes = std::bit_cast<std::array<char, sizeof value>>(value);
      tensor.bytes.append(bytes.data(), bytes.size());
    }
    tensors.push_back(tensor);
  }
  return tensors;
}

// Both towers, or what CLIPVisionModelWithProjection has.
inline std::vector<WrittenTensor> made_up_tensors(const ModelConfig& config, bool with_text = true) {
  Schema schema = vision_schema(config);
  if (with_text) schema.merge(text_schema(config));
  return made_up_tensors(schema);
}

inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

// A safetensors file with this header, whatever it says.
inline std::string safetensors_file(const std::string& header, const std::string& data) {
  return little_endian(header.size(), 8) + header + data;
}

inline std::string safetensors_file(const std::vector<WrittenTensor>& tensors) {
  std::string header = R"({"__metadata__":{"format":"pt"})", data;
  for (const WrittenTensor& tensor : tensors) {
    const std::size_t begin = data.size();
    data += tensor.bytes;
    header += std::format(R"(,"{}":{{"dtype":"{}","shape":{},"data_offsets":[{},{}]}})", tensor.name, tensor.dtype,
                          shape_to_string(tensor.shape), begin, data.size());
  }
  return safetensors_file(header + "}", data);
}

// config.json and model.safetensors.
inline void write_checkpoint(const std::filesystem::path& directory, const ModelConfig& config) {
  write_file(directory / "config.json", config_json(config));
  write_file(directory / "model.safetensors", safetensors_file(made_up_tensors(config)));
}

}  // namespace clipembed
