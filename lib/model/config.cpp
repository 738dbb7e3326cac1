// config.json. The image processor's file is read by input_config.cpp.
//
// Defaults and precedence follow transformers' configuration_clip.py (4.x and 5.x). The limits are far above any CLIP
// that exists; VisionConfig::tokens() fits an int, and the elements of every tensor and activation fit 64 bits.
#include "lib/model/config.h"

#include <format>
#include <optional>
#include <string_view>

#include "lib/model/input_config.h"
#include "lib/model/json.h"

namespace clipembed {
namespace {

constexpr int kMaxWidth = 16384;  // hidden_size, projection_dim
constexpr int kMaxImage = 4096;   // pixels of a side
constexpr int kMaxIntermediate = 4 * kMaxWidth;
constexpr int kMaxLayers = 256;
constexpr int kMaxVocabulary = 1 << 20;
constexpr int kMaxPositions = 16384;

// Which object holds what in config.json.
struct Sections {
  std::optional<JsonValue> vision, text;  // nullopt: all defaults
};

Result<Activation> parse_activation(const JsonValue& json) {
  auto name = json.string();
  if (!name) return name.error();
  if (*name == "quick_gelu") return Activation::kQuickGelu;
  if (*name == "gelu") return Activation::kGelu;
  return json.unsupported("quick_gelu and gelu are");
}

void read_tower(JsonFields& fields, TowerConfig& tower) {
  fields.integer("hidden_size", tower.hidden_size, 1, kMaxWidth)
      .integer("intermediate_size", tower.intermediate_size, 1, kMaxIntermediate)
      .integer("num_hidden_layers", tower.num_hidden_layers, 1, kMaxLayers)
      .integer("num_attention_heads", tower.num_attention_heads, 1, kMaxWidth)
      .number("layer_norm_eps", tower.layer_norm_eps, 0.0, 1.0)
      .parsed("hidden_act", tower.hidden_act, parse_activation);
}

Status check_heads(const JsonValue& section, const TowerConfig& tower) {
  if (tower.hidden_size % tower.num_attention_heads == 0) return ok();
  return section.error(std::format("hidden_size {} is not a multiple of num_attention_heads {}", tower.hidden_size,
                                   tower.num_attention_heads));
}

Status read_vision(const JsonValue& section, VisionConfig& vision) {
  int channels = 3;
  JsonFields fields(section);
  read_tower(fields, vision);
  fields.integer("image_size", vision.image_size, 1, kMaxImage)
      .integer("patch_size", vision.patch_size, 1, kMaxImage)
      .integer("num_channels", channels, 3, 3);
  if (auto status = fields.status(); !status) return status;
  if (vision.patch_size > vision.image_size) {
    return section.error(
        std::format("patch_size {} is larger than image_size {}", vision.patch_size, vision.image_size));
  }
  return check_heads(section, vision);
}

Status read_text(const JsonValue& section, TextConfig& text) {
  JsonFields fields(section);
  read_tower(fields, text);
  fields.integer("vocab_size", text.vocab_size, 1, kMaxVocabulary)
      .integer("max_position_embeddings", text.max_position_embeddings, 1, kMaxPositions)
      .integer("eos_token_id", text.eos_token_id, 0, kMaxVocabulary);
  if (auto status = fields.status(); !status) return status;
  return check_heads(section, text);
}

// CLIPConfig lets a `*_config_dict` of early hub files, where there is one, override the whole of `*_config`.
Result<std::optional<JsonValue>> find_section(const JsonValue& root, std::string_view key) {
  auto section = root.find(std::string(key) + "_dict");
  if (!section || *section) return section;
  return root.find(key);
}

Result<Sections> find_sections(const JsonValue& root) {
  auto vision = find_section(root, "vision_config");
  if (!vision) return vision.error();
  auto text = find_section(root, "text_config");
  if (!text) return text.error();

  std::string type;
  JsonFields fields(root);
  fields.parsed("model_type", type, [](const JsonValue& json) -> Result<std::string> {
    auto name = json.string();
    if (name && *name != "clip" && *name != "clip_vision_model")
      return json.unsupported("clip and clip_vision_model are");
    return name;
  });
  if (auto status = fields.status(); !status) return status.error();
  if (type == "clip_vision_model") return Sections{root, std::nullopt};  // CLIPVisionConfig is the file
  if (type.empty() && !*vision) return root.error("not a CLIP configuration: neither model_type nor vision_config");
  return Sections{*vision, *text};
}

}  // namespace

Result<ModelConfig> read_config(const std::filesystem::path& directory) {
  const auto root = JsonValue::read(directory / "config.json");
  if (!root) return root.error();
  const auto sections = find_sections(*root);
  if (!sections) return sections.error();

  ModelConfig config;
  JsonFields fields(*root);
  fields.integer("projection_dim", config.projection_dim, 1, kMaxWidth);
  if (auto status = fields.status(); !status) return status.error();
  if (sections->vision) {
    if (auto status = read_vision(*sections->vision, config.vision); !status) return status.error();
  }
  if (sections->text) {
    if (auto status = read_text(*sections->text, config.text); !status) return status.error();
  }

  auto input = read_input_config(directory, config.vision.image_size);
  if (!input) return input.error();
  config.input = input->geometry;
  config.mean = input->mean;
  config.stddev = input->stddev;
  return config;
}

}  // namespace clipembed
