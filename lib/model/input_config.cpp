#include "lib/model/input_config.h"

#include <cmath>
#include <format>
#include <optional>
#include <string>

#include "lib/model/json.h"

namespace clipembed {
namespace {

constexpr int kBicubic = 3;          // PIL.Image.Resampling.BICUBIC
constexpr int kMaxEdge = 65535;      // what lib/image resizes to
constexpr double kMaxChannel = 1e3;  // of a mean or a deviation, whose pixels are 0 to 1
constexpr float kMinStddev = 1e-6F;

Result<int> parse_edge(const JsonValue& json) {
  auto edge = json.integer();
  if (!edge) return edge.error();
  if (*edge < 1 || *edge > kMaxEdge) return json.unsupported(std::format("1 to {} is", kMaxEdge));
  return static_cast<int>(*edge);
}

// The members of a size object, which must be exactly `keys`, in their order.
template <std::size_t n>
Result<std::array<int, n>> parse_edges(const JsonValue& json, const std::array<const char*, n>& keys,
                                       std::string_view supported) {
  auto members = json.object();
  if (!members) return members.error();
  if (members->size() != n) return json.unsupported(supported);
  std::array<int, n> edges;
  for (std::size_t i = 0; i < n; ++i) {
    auto member = json.find(keys[i]);
    if (!member) return member.error();
    if (!*member) return json.unsupported(supported);
    auto edge = parse_edge(**member);
    if (!edge) return edge.error();
    edges[i] = *edge;
  }
  return edges;
}

// {"height": h, "width": w} would resize without keeping the aspect ratio, as CLIP never does.
Result<int> parse_shortest_edge(const JsonValue& json) {
  if (!json.is_object()) return parse_edge(json);
  auto edges = parse_edges<1>(json, {"shortest_edge"}, "an integer and {\"shortest_edge\": N} are");
  if (!edges) return edges.error();
  return (*edges)[0];
}

Result<int> parse_crop(const JsonValue& json, int image_size) {
  int height = 0, width = 0;
  if (json.is_object()) {
    auto edges = parse_edges<2>(json, {"height", "width"}, "an integer and {\"height\": N, \"width\": N} are");
    if (!edges) return edges.error();
    height = (*edges)[0], width = (*edges)[1];
  } else {
    auto edge = parse_edge(json);
    if (!edge) return edge.error();
    height = width = *edge;
  }
  if (height != image_size || width != image_size) {
    return json.unsupported(std::format("the vision tower takes {0}x{0} (image_size in config.json)", image_size));
  }
  return image_size;
}

Result<std::array<float, 3>> parse_channels(const JsonValue& json) {
  auto elements = json.array();
  if (!elements) return elements.error();
  if (elements->size() != 3) return json.unsupported("three numbers are, for R, G and B");
  std::array<float, 3> channels;
  for (std::size_t i = 0; i < 3; ++i) {
    auto number = (*elements)[i].number();
    if (!number) return number.error();
    if (std::abs(*number) > kMaxChannel) return json.unsupported("three numbers near 0 to 1 are");
    channels[i] = static_cast<float>(*number);
  }
  return channels;
}

Result<std::array<float, 3>> parse_stddev(const JsonValue& json) {
  auto channels = parse_channels(json);
  if (!channels) return channels;
  for (const float value : *channels) {
    if (value < kMinStddev) return json.unsupported("three positive numbers are");
  }
  return channels;
}

Result<double> parse_rescale_factor(const JsonValue& json) {
  auto factor = json.number();
  if (factor && !(std::abs(*factor * 255.0 - 1.0) < 1e-6)) return json.unsupported("only 1/255 is");
  return factor;
}

// The classes whose meaning of the keys is the one above, under their names since 2021.
Result<std::string> parse_processor_type(const JsonValue& json) {
  auto name = json.string();
  if (!name) return name;
  for (const char* known :
       {"CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil", "CLIPFeatureExtractor"}) {
    if (*name == known) return name;
  }
  return json.unsupported("CLIPImageProcessor is");
}

// nullopt: neither file says anything.
Result<std::optional<JsonValue>> find_image_processor(const std::filesystem::path& directory) {
  auto processor = JsonValue::read(directory / "processor_config.json");
  if (processor) {
    auto nested = processor->find("image_processor");
    if (!nested || *nested) return nested;
  } else if (processor.error().kind != Error::Kind::kNotFound) {
    return processor.error();
  }
  auto preprocessor = JsonValue::read(directory / "preprocessor_config.json");
  if (preprocessor) return std::optional(*preprocessor);
  if (preprocessor.error().kind != Error::Kind::kNotFound) return preprocessor.error();
  return std::optional<JsonValue>();
}

// What lib/image always does, or never.
Status check_fixed_steps(JsonFields& fields) {
  int resample = kBicubic;
  double rescale_factor = 1.0 / 255.0;
  std::string type;
  bool converts = true;  // pictures reach us as RGB in any case
  return fields.require("do_resize", true)
      .require("do_center_crop", true)
      .require("do_rescale", true)
      .require("do_pad", false)
      .require("use_square_size", false)
      .boolean("do_convert_rgb", converts)
      .parsed("resample", resample,
              [](const JsonValue& json) -> Result<int> {
                auto filter = json.integer();
                if (!filter) return filter.error();
                if (*filter != kBicubic) return json.unsupported("only 3 (bicubic) is");
                return kBicubic;
              })
      .parsed("rescale_factor", rescale_factor, parse_rescale_factor)
      .parsed("image_processor_type", type, parse_processor_type)
      .parsed("feature_extractor_type", type, parse_processor_type)
      .status();
}

}  // namespace

Result<InputConfig> read_input_config(const std::filesystem::path& directory, int image_size) {
  InputConfig input;
  input.geometry = {.shortest_edge = image_size, .crop_width = image_size, .crop_height = image_size};
  const auto json = find_image_processor(directory);
  if (!json) return json.error();
  if (!*json) return input;

  JsonFields fields(**json);
  if (auto status = check_fixed_steps(fields); !status) return status.error();
  int crop = image_size;
  bool normalizes = true;
  auto status = fields.parsed("size", input.geometry.shortest_edge, parse_shortest_edge)
                    .parsed("crop_size", crop, [&](const JsonValue& value) { return parse_crop(value, image_size); })
                    .boolean("do_normalize", normalizes)
                    .parsed("image_mean", input.mean, parse_channels)
                    .parsed("image_std", input.stddev, parse_stddev)
                    .status();
  if (!status) return status.error();
  if (input.geometry.shortest_edge < crop) {
    return (*json)->error(std::format("size {} is smaller than crop_size {}: padding is not supported",
                                      input.geometry.shortest_edge, crop));
  }
  if (!normalizes) {
    input.mean = {0.0F, 0.0F, 0.0F};
    input.stddev = {1.0F, 1.0F, 1.0F};
  }
  return input;
}

}  // namespace clipembed
