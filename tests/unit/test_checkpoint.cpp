// Checkpoint: the reference checkpoints in all three formats, the order of search, and the match with a configuration.
#include "lib/model/checkpoint.h"

#include <sys/stat.h>

#include <functional>
#include <string>

#include "lib/model/mapped_file.h"
#include "tests/unit/checkpoint_writer.h"
#include "tests/unit/expect.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

const std::filesystem::path kReference = getenv("CLIPEMBED_REFERENCE");

// check() of a tiny CLIP whose tensors `change` has had its way with.
Status check_changed(const std::function<void(std::vector<WrittenTensor>&)>& change, bool with_text = true) {
  const Scratch scratch;
  const ModelConfig config = tiny_config();
  auto tensors = made_up_tensors(config, with_text);
  change(tensors);
  write_file(scratch.path() / "model.safetensors", safetensors_file(tensors));
  return expect_value(Checkpoint::open(scratch.path())).check(config);
}

void drop(std::vector<WrittenTensor>& tensors, const std::string& name) {
  ck_assert_uint_eq(std::erase_if(tensors, [&](const WrittenTensor& tensor) { return tensor.name == name; }), 1);
}

WrittenTensor& find(std::vector<WrittenTensor>& tensors, const std::string& name) {
  for (WrittenTensor& tensor : tensors) {
    if (tensor.name == name) return tensor;
  }
  ck_abort_msg("no tensor %s", name.c_str());
}

START_TEST(the_reference_checkpoints_open_and_match_their_configuration) {
  for (const char* model : {"model-a", "model-b", "model-c"}) {
    const auto config = expect_value(read_config(kReference / model));
    const auto checkpoint = expect_value(Checkpoint::open(kReference / model));
    expect_value(checkpoint.check(config));
  }
}
END_TEST

START_TEST(a_pickled_checkpoint_has_the_bytes_of_its_safetensors_twin) {
  const auto a = expect_value(Checkpoint::open(kReference / "model-a"));
  const auto c = expect_value(Checkpoint::open(kReference / "model-c"));
  ck_assert_uint_eq(a.tensors().size(), c.tensors().size());
  for (const auto& [name, expected] : a.tensors()) {
    const TensorView* found = c.find(name);
    ck_assert_msg(found != nullptr, "%s is missing", name.c_str());
    ck_assert(found->dtype == expected.dtype);
    ck_assert(found->shape == expected.shape);
    ck_assert_uint_eq(found->bytes.size(), expected.bytes.size());
    ck_assert_msg(std::ranges::equal(found->bytes, expected.bytes), "%s differs", name.c_str());
  }
}
END_TEST

START_TEST(a_written_checkpoint_opens_and_matches) {
  const Scratch scratch;
  write_checkpoint(scratch.path(), tiny_config());
  const auto config = expect_value(read_config(scratch.path()));
  expect_value(expect_value(Checkpoint::open(scratch.path())).check(config));
}
END_TEST

START_TEST(views_outlive_a_moved_checkpoint) {
  const Scratch scratch;
  write_checkpoint(scratch.path(), tiny_config());
  auto first = expect_value(Checkpoint::open(scratch.path()));
  const std::byte* data = first.find("logit_scale")->bytes.data();
  const Checkpoint second = std::move(first);
  ck_assert_ptr_eq(second.find("logit_scale")->bytes.data(), data);
  ck_assert_ptr_null(second.find("no such tensor"));
}
END_TEST

START_TEST(a_single_safetensors_file_is_preferred) {
  const Scratch scratch;
  write_checkpoint(scratch.path(), tiny_config());
  write_file(scratch.path() / "model.safetensors.index.json", "not even JSON");
  write_file(scratch.path() / "pytorch_model.bin", "not even a zip");
  expect_value(Checkpoint::open(scratch.path()));
}
END_TEST

START_TEST(a_malformed_file_is_an_error_even_with_another_beside_it) {
  const Scratch scratch;
  write_checkpoint(scratch.path(), tiny_config());
  std::filesystem::rename(scratch.path() / "model.safetensors", scratch.path() / "pytorch_model.bin");
  write_file(scratch.path() / "model.safetensors", "");
  expect_malformed(Checkpoint::open(scratch.path()), {"model.safetensors"});
}
END_TEST

START_TEST(a_directory_without_weights_is_not_found) {
  const Scratch scratch;
  expect_error(Checkpoint::open(scratch.path()), Error::Kind::kNotFound,
               {scratch.path().c_str(), "model.safetensors", "pytorch_model.bin"});
  expect_error(Checkpoint::open(scratch.path() / "nowhere"), Error::Kind::kNotFound, {"nowhere"});
}
END_TEST

START_TEST(what_is_no_regular_file_is_refused_without_blocking) {
  const Scratch scratch;
  const auto path = scratch.path() / "model.safetensors";
  std::filesystem::create_directory(path);
  expect_malformed(Checkpoint::open(scratch.path()), {path.c_str(), "not a regular file"});
  std::filesystem::remove(path);
  ck_assert_int_eq(mkfifo(path.c_str(), 0600), 0);
  expect_malformed(Checkpoint::open(scratch.path()), {path.c_str(), "not a regular file"});
}
END_TEST

START_TEST(an_empty_file_maps_to_no_bytes) {
  const Scratch scratch;
  write_file(scratch.path() / "empty", "");
  ck_assert(expect_value(MappedFile::open(scratch.path() / "empty"))->bytes().empty());
}
END_TEST

START_TEST(a_missing_tensor_is_named_with_its_shape) {
  expect_malformed(check_changed([](auto& tensors) { drop(tensors, "vision_model.pre_layrnorm.bias"); }),
                   {"model.safetensors", "'vision_model.pre_layrnorm.bias'", "missing", "[8]"});
  expect_malformed(check_changed([](auto& tensors) { drop(tensors, "text_projection.weight"); }),
                   {"model.safetensors", "'text_projection.weight'", "missing"});
  expect_malformed(check_changed([](auto& tensors) { drop(tensors, "logit_scale"); }), {"'logit_scale'", "missing"});
}
END_TEST

START_TEST(an_extra_tensor_is_named) {
  for (const char* name : {"vision_model.encoder.layers.2.layer_norm1.bias", "lora.weight"}) {
    expect_malformed(check_changed([&](auto& tensors) { tensors.push_back({name, {1}, "1234"}); }),
                     {"model.safetensors", name, "no part"});
  }
}
END_TEST

START_TEST(a_wrong_shape_is_named_with_the_right_one) {
  expect_malformed(check_changed([](auto& tensors) { find(tensors, "visual_projection.weight").shape = {8, 4}; }),
                   {"model.safetensors", "'visual_projection.weight'", "[8, 4]", "[4, 8]"});
}
END_TEST

START_TEST(an_integer_tensor_is_refused) {
  expect_malformed(check_changed([](auto& tensors) {
                     WrittenTensor& scale = find(tensors, "logit_scale");
                     scale.dtype = "I64";
                     scale.bytes = "12345678";
                   }),
                   {"model.safetensors", "'logit_scale'", "I64", "F32, F16 and BF16"});
}
END_TEST

START_TEST(dtypes_may_be_mixed) {
  expect_value(check_changed([](auto& tensors) {
    WrittenTensor& scale = find(tensors, "logit_scale");
    scale.dtype = "BF16";
    scale.bytes = "12";
  }));
}
END_TEST

START_TEST(position_ids_of_old_checkpoints_are_ignored) {
  expect_value(check_changed([](auto& tensors) {
    tensors.push_back({"vision_model.embeddings.position_ids", {1, 5}, std::string(40, '\0'), "I64"});
    tensors.push_back({"text_model.embeddings.position_ids", {1, 6}, std::string(48, '\0'), "I64"});
  }));
}
END_TEST

START_TEST(the_text_tower_may_be_absent_as_a_whole) {
  const auto as_it_is = [](auto&) {};
  expect_value(check_changed(as_it_is, false));
  expect_malformed(
      check_changed([](auto& tensors) { tensors.push_back({"text_projection.weight", {4, 8}, std::string(128, 'x')}); },
                    false),
      {"'logit_scale'", "missing"});
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("checkpoint",
                   {the_reference_checkpoints_open_and_match_their_configuration,
                    a_pickled_checkpoint_has_the_bytes_of_its_safetensors_twin, a_written_checkpoint_opens_and_matches,
                    views_outlive_a_moved_checkpoint, a_single_safetensors_file_is_preferred,
                    a_malformed_file_is_an_error_even_with_another_beside_it, a_directory_without_weights_is_not_found,
                    what_is_no_regular_file_is_refused_without_blocking, an_empty_file_maps_to_no_bytes,
                    a_missing_tensor_is_named_with_its_shape, an_extra_tensor_is_named,
                    a_wrong_shape_is_named_with_the_right_one, an_integer_tensor_is_refused, dtypes_may_be_mixed,
                    position_ids_of_old_checkpoints_are_ignored, the_text_tower_may_be_absent_as_a_whole});
}
