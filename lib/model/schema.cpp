#include "lib/model/schema.h"

#include <format>

namespace clipembed {
namespace {

void add_layer_norm(Schema& schema, const std::string& name, std::int64_t width) {
  schema[name + ".weight"] = {width};
  schema[name + ".bias"] = {width};
}

void add_linear(Schema& schema, const std::string& name, std::int64_t outputs, std::int64_t inputs) {
  schema[name + ".weight"] = {outputs, inputs};
  schema[name + ".bias"] = {outputs};
}

void add_encoder(Schema& schema, const std::string& tower, const TowerConfig& config) {
  const std::int64_t width = config.hidden_size;
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string layer = std::format("{}.encoder.layers.{}", tower, i);
    add_layer_norm(schema, layer + ".layer_norm1", width);
    add_layer_norm(schema, layer + ".layer_norm2", width);
    for (const char* projection : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
      add_linear(schema, layer + ".self_attn." + projection, width, width);
    }
    add_linear(schema, layer + ".mlp.fc1", config.intermediate_size, width);
    add_linear(schema, layer + ".mlp.fc2", width, config.intermediate_size);
  }
}

}  // namespace

Schema vision_schema(const ModelConfig& config) {
  const VisionConfig& vision = config.vision;
  const std::int64_t width = vision.hidden_size;
  Schema schema;
  schema["vision_model.embeddings.class_embedding"] = {width};
  schema["vision_model.embeddings.patch_embedding.weight"] = {width, 3, vision.patch_size, vision.patch_size};
  schema["vision_model.embeddings.position_embedding.weight"] = {vision.tokens(), width};
  add_layer_norm(schema, "vision_model.pre_layrnorm", width);  // spelled so since the first release
  add_encoder(schema, "vision_model", vision);
  add_layer_norm(schema, "vision_model.post_layernorm", width);
  schema["visual_projection.weight"] = {config.projection_dim, width};
  return schema;
}

Schema text_schema(const ModelConfig& config) {
  const TextConfig& text = config.text;
  const std::int64_t width = text.hidden_size;
  Schema schema;
  schema["text_model.embeddings.token_embedding.weight"] = {text.vocab_size, width};
  schema["text_model.embeddings.position_embedding.weight"] = {text.max_position_embeddings, width};
  add_encoder(schema, "text_model", text);
  add_layer_norm(schema, "text_model.final_layer_norm", width);
  schema["text_projection.weight"] = {config.projection_dim, width};
  schema["logit_scale"] = {};
  return schema;
}

}  // namespace clipembed
