// read_config(): what transformers writes is understood as transformers understands it, and the rest is refused by
// name.
#include "lib/model/config.h"

#include <format>
#include <string>

#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

const std::filesystem::path kReference = getenv("CLIPEMBED_REFERENCE");

// The configuration of a directory with these files; an empty text stands for no file.
Result<ModelConfig> read(const std::string& config, const std::string& preprocessor = "",
                         const std::string& processor = "") {
  const Scratch scratch;
  write_file(scratch.path() / "config.json", config);
  if (!preprocessor.empty()) write_file(scratch.path() / "preprocessor_config.json", preprocessor);
  if (!processor.empty()) write_file(scratch.path() / "processor_config.json", processor);
  return read_config(scratch.path());
}

// `keys` in the vision_config of an otherwise empty CLIP.
Result<ModelConfig> read_vision(const std::string& keys) {
  return read(R"({"model_type": "clip", "vision_config": {)" + keys + "}}");
}

// `keys` in preprocessor_config.json beside ViT-B/32.
Result<ModelConfig> read_preprocessor(const std::string& keys) {
  return read(R"({"model_type": "clip"})", "{" + keys + "}");
}

START_TEST(the_reference_model_b_is_read) {
  const auto config = expect_value(read_config(kReference / "model-b"));
  ck_assert_int_eq(config.vision.hidden_size, 192);
  ck_assert_int_eq(config.vision.intermediate_size, 768);
  ck_assert_int_eq(config.vision.num_hidden_layers, 2);
  ck_assert_int_eq(config.vision.head_dim(), 64);
  ck_assert_int_eq(config.vision.tokens(), 226);
  ck_assert(config.vision.hidden_act == Activation::kGelu);
  ck_assert_int_eq(config.text.hidden_size, 16);
  ck_assert_int_eq(config.projection_dim, 96);
  ck_assert(config.input == (InputGeometry{.shortest_edge = 240, .crop_width = 240, .crop_height = 240}));
  ck_assert_float_eq(config.mean[0], 0.48145466F);
  ck_assert_float_eq(config.stddev[2], 0.27577711F);
}
END_TEST

START_TEST(absent_and_null_keys_take_the_defaults_of_transformers) {
  const auto config = expect_value(read(R"({"model_type": "clip", "projection_dim": null, "text_config": null})"));
  ck_assert_int_eq(config.vision.hidden_size, 768);
  ck_assert_int_eq(config.vision.intermediate_size, 3072);
  ck_assert_int_eq(config.vision.num_attention_heads, 12);
  ck_assert_int_eq(config.vision.patch_size, 32);
  ck_assert(config.vision.hidden_act == Activation::kQuickGelu);
  ck_assert_double_eq(config.vision.layer_norm_eps, 1e-5);
  ck_assert_int_eq(config.text.hidden_size, 512);
  ck_assert_int_eq(config.text.intermediate_size, 2048);
  ck_assert_int_eq(config.text.num_attention_heads, 8);
  ck_assert_int_eq(config.text.vocab_size, 49408);
  ck_assert_int_eq(config.text.max_position_embeddings, 77);
  ck_assert_int_eq(config.text.eos_token_id, 49407);
  ck_assert_int_eq(config.projection_dim, 512);
}
END_TEST

START_TEST(the_eos_token_of_openai_is_kept) {
  const auto config = expect_value(read(R"({"model_type": "clip", "text_config": {"eos_token_id": 2}})"));
  ck_assert_int_eq(config.text.eos_token_id, 2);
}
END_TEST

START_TEST(a_config_dict_of_early_hub_files_overrides_the_whole_config) {
  const auto config = expect_value(read(R"({"model_type": "clip",
      "vision_config": {"patch_size": 14, "num_hidden_layers": 3}, "vision_config_dict": {"patch_size": 16},
      "text_config": {"num_hidden_layers": 5}, "text_config_dict": null})"));
  ck_assert_int_eq(config.vision.patch_size, 16);
  ck_assert_int_eq(config.vision.num_hidden_layers, 12);
  ck_assert_int_eq(config.text.num_hidden_layers, 5);
}
END_TEST

START_TEST(a_vision_model_has_its_keys_at_the_top) {
  const auto config = expect_value(read(
      R"({"model_type": "clip_vision_model", "hidden_size": 1024, "num_attention_heads": 16, "projection_dim": 768})"));
  ck_assert_int_eq(config.vision.hidden_size, 1024);
  ck_assert_int_eq(config.projection_dim, 768);
}
END_TEST

START_TEST(the_projection_of_a_clip_is_the_one_at_the_top) {
  const auto config =
      expect_value(read(R"({"model_type": "clip", "projection_dim": 1024, "vision_config": {"projection_dim": 512}})"));
  ck_assert_int_eq(config.projection_dim, 1024);
}
END_TEST

START_TEST(other_models_are_refused) {
  expect_malformed(read(R"({"model_type": "siglip"})"), {"config.json: model_type: \"siglip\"", "clip"});
  expect_malformed(read(R"({"model_type": "clip_text_model"})"), {"model_type"});
  expect_malformed(read(R"({"architectures": ["ResNet"]})"), {"config.json", "not a CLIP configuration"});
}
END_TEST

START_TEST(other_activations_are_refused) {
  expect_malformed(read_vision(R"("hidden_act": "gelu_new")"),
                   {"config.json: vision_config.hidden_act: \"gelu_new\"", "quick_gelu and gelu"});
}
END_TEST

START_TEST(a_wrong_type_is_named_with_its_key) {
  expect_malformed(read_vision(R"("hidden_size": "768")"),
                   {"config.json: vision_config.hidden_size: expected an integer, found a string"});
  expect_malformed(read_vision(R"("hidden_size": 768.0)"), {"expected an integer, found a number"});
  expect_malformed(read_vision(R"("layer_norm_eps": [])"), {"vision_config.layer_norm_eps", "an array"});
  expect_malformed(read(R"({"model_type": "clip", "vision_config": 3})"), {"vision_config: expected an object"});
  expect_malformed(read("[]"), {"config.json: expected an object, found an array"});
}
END_TEST

// Each in vision_config, by itself.
constexpr const char* kOutOfRange[] = {
    R"("hidden_size": 0)",         R"("hidden_size": -768)",  R"("hidden_size": 9223372036854775808)",
    R"("num_hidden_layers": 0)",   R"("patch_size": 0)",      R"("image_size": 100000)",
    R"("num_attention_heads": 0)", R"("layer_norm_eps": -1)", R"("layer_norm_eps": 1e400)",
    R"("intermediate_size": 1e3)", R"("num_channels": 4)",    R"("num_hidden_layers": 2147483648)",
    R"("num_attention_heads": 7)", R"("patch_size": 225)",
};

START_TEST(a_number_out_of_range_is_refused) {
  for (const char* keys : kOutOfRange) expect_malformed(read_vision(keys), {"config.json: vision_config"});
}
END_TEST

START_TEST(malformed_json_is_refused_with_its_file) {
  for (const char* text : {"{", "", " ", "{} {}", "{\"a\": NaN}", "\xff\xfe", "// comment\n{}"}) {
    expect_malformed(read(text), {"config.json: not valid JSON"});
  }
  expect_malformed(read(std::string("{}\0", 3)), {"config.json"});
  expect_malformed(read(std::string(1 << 20, '[')), {"config.json"});
  expect_malformed(read(std::string(5 << 20, ' ')), {"config.json", "5242880 bytes"});
}
END_TEST

START_TEST(a_key_given_twice_is_refused) {
  expect_malformed(read(R"({"model_type": "clip", "vision_config": {"patch_size": 16, "patch_size": 32}})"),
                   {"config.json", "\"patch_size\" is given twice"});
}
END_TEST

START_TEST(a_missing_config_is_not_found) {
  const Scratch scratch;
  expect_error(read_config(scratch.path() / "nowhere"), Error::Kind::kNotFound, {"nowhere/config.json"});
}
END_TEST

START_TEST(without_a_preprocessor_file_the_input_is_as_the_tower_takes_it) {
  const auto config = expect_value(read_vision(R"("image_size": 336, "patch_size": 14)"));
  ck_assert(config.input == (InputGeometry{.shortest_edge = 336, .crop_width = 336, .crop_height = 336}));
  ck_assert_float_eq(config.stddev[0], 0.26862954F);
}
END_TEST

START_TEST(sizes_are_integers_or_objects) {
  for (const char* keys : {R"("size": 256, "crop_size": 224)",
                           R"("size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224})"}) {
    const auto config = expect_value(read_preprocessor(keys));
    ck_assert(config.input == (InputGeometry{.shortest_edge = 256, .crop_width = 224, .crop_height = 224}));
  }
}
END_TEST

START_TEST(the_mean_and_deviation_are_read) {
  const auto config = expect_value(read_preprocessor(R"("image_mean": [0.5, 0, 0.25], "image_std": [1, 0.5, 0.25])"));
  ck_assert_float_eq(config.mean[2], 0.25F);
  ck_assert_float_eq(config.stddev[1], 0.5F);
}
END_TEST

START_TEST(without_normalisation_the_mean_is_0_and_the_deviation_1) {
  const auto config = expect_value(read_preprocessor(R"("do_normalize": false, "image_mean": [0.5, 0.5, 0.5])"));
  ck_assert_float_eq(config.mean[0], 0.0F);
  ck_assert_float_eq(config.stddev[0], 1.0F);
}
END_TEST

START_TEST(a_processor_config_with_an_image_processor_comes_first) {
  const std::string config = R"({"model_type": "clip"})", preprocessor = R"({"size": 256})";
  ck_assert_int_eq(expect_value(read(config, preprocessor, R"({"image_processor": {"size": {"shortest_edge": 300}}})"))
                       .input.shortest_edge,
                   300);
  ck_assert_int_eq(
      expect_value(read(config, preprocessor, R"({"processor_class": "CLIPProcessor"})")).input.shortest_edge, 256);
  expect_malformed(read(config, preprocessor, R"({"image_processor": {"resample": 2}})"),
                   {"processor_config.json: image_processor.resample: 2"});
}
END_TEST

struct Refusal {
  const char* keys;
  const char* key;  // what the error names
};
constexpr Refusal kRefusals[] = {
    {R"("do_resize": false)", "do_resize: false"},
    {R"("do_center_crop": false)", "do_center_crop: false"},
    {R"("do_rescale": false)", "do_rescale: false"},
    {R"("do_pad": true)", "do_pad: true"},
    {R"("do_normalize": 1)", "do_normalize: expected a boolean"},
    {R"("resample": 2)", "resample: 2"},
    {R"("resample": "bicubic")", "resample: expected an integer"},
    {R"("rescale_factor": 0.5)", "rescale_factor: 0.5"},
    {R"("size": {"height": 224, "width": 224})", "size: {\"height\""},
    {R"("size": {"shortest_edge": 224, "longest_edge": 500})", "size: {"},
    {R"("size": {"shortest_edge": "224"})", "size.shortest_edge: expected an integer"},
    {R"("size": 200)", "size 200 is smaller than crop_size 224"},
    {R"("size": 0)", "size: 0"},
    {R"("crop_size": 225)", "crop_size: 225"},
    {R"("crop_size": {"height": 224, "width": 200})", "crop_size: {"},
    {R"("crop_size": {"shortest_edge": 224})", "crop_size: {"},
    {R"("image_mean": 0.5)", "image_mean: expected an array"},
    {R"("image_mean": [0.5, 0.5])", "image_mean: [0.5,0.5]"},
    {R"("image_mean": [0.5, 0.5, "x"])", "image_mean.2: expected a number, found a string"},
    {R"("image_std": [0.5, 0, 0.5])", "image_std: ["},
    {R"("image_std": [1e300, 1, 1])", "image_std: ["},
    {R"("image_processor_type": "SiglipImageProcessor")", "image_processor_type: \"SiglipImageProcessor\""},
    {R"("feature_extractor_type": "ViTFeatureExtractor")", "feature_extractor_type: \"ViTFeatureExtractor\""},
};

START_TEST(preprocessing_that_is_not_run_is_refused) {
  for (const auto& [keys, key] : kRefusals)
    expect_malformed(read_preprocessor(keys), {"preprocessor_config.json: ", key});
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite(
      "config",
      {the_reference_model_b_is_read, absent_and_null_keys_take_the_defaults_of_transformers,
       the_eos_token_of_openai_is_kept, a_config_dict_of_early_hub_files_overrides_the_whole_config,
       a_vision_model_has_its_keys_at_the_top, the_projection_of_a_clip_is_the_one_at_the_top, other_models_are_refused,
       other_activations_are_refused, a_wrong_type_is_named_with_its_key, a_number_out_of_range_is_refused,
       malformed_json_is_refused_with_its_file, a_key_given_twice_is_refused, a_missing_config_is_not_found,
       without_a_preprocessor_file_the_input_is_as_the_tower_takes_it, sizes_are_integers_or_objects,
       the_mean_and_deviation_are_read, without_normalisation_the_mean_is_0_and_the_deviation_1,
       a_processor_config_with_an_image_processor_comes_first, preprocessing_that_is_not_run_is_refused});
}
