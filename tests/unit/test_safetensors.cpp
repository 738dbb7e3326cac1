// read_safetensors() and read_sharded(): every check of the format's reference implementation, on files made by hand.
#include "lib/model/json.h"
#include "lib/model/safetensors.h"

#include <string>

#include "lib/model/shard_index.h"
#include "tests/unit/checkpoint_writer.h"
#include "tests/unit/expect.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

const std::string kFile = "model.safetensors";

Result<TensorFile> read(const std::string& content) {
  const Scratch scratch;
  write_file(scratch.path() / kFile, content);
  return read_safetensors(scratch.path() / kFile);
}

// A file of one tensor "w", [2, 3] of F32, whose header has `tensor` instead of what it should say.
Result<TensorFile> read_w(const std::string& tensor) {
  return read(safetensors_file(R"({"w":)" + tensor + "}", std::string(24, 'x')));
}

START_TEST(tensors_are_views_of_the_mapped_file) {
  const Scratch scratch;
  const auto path = scratch.path() / kFile;
  write_file(path, safetensors_file({{"a", {2}, "12345678"}, {"b", {3}, "abcdef", "BF16"}, {"c", {}, "zz", "F16"}}));
  const auto file = expect_value(read_safetensors(path));
  ck_assert_uint_eq(file.tensors.size(), 3);
  const TensorView& b = file.tensors.find("b")->second;
  ck_assert(b.dtype == DType::kBf16);
  ck_assert(b.shape == std::vector<std::int64_t>{3});
  ck_assert_mem_eq(b.bytes.data(), "abcdef", 6);
  ck_assert_str_eq(b.file.c_str(), path.c_str());
  ck_assert_uint_eq(file.tensors.find("c")->second.bytes.size(), 2);
}
END_TEST

START_TEST(tensors_may_be_listed_in_any_order_and_be_empty) {
  const auto file = expect_value(read(safetensors_file(R"({"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},
      "empty":{"dtype":"F32","shape":[0,5],"data_offsets":[4,4]},
      "a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                                                       "aaaabbbb")));
  ck_assert_mem_eq(file.tensors.find("b")->second.bytes.data(), "bbbb", 4);
}
END_TEST

START_TEST(a_file_too_short_for_a_header_is_refused) {
  for (const char* content : {"", "x", "1234567"}) expect_malformed(read(content), {kFile, "too short"});
}
END_TEST

START_TEST(a_header_longer_than_the_file_is_refused) {
  for (const std::uint64_t length : {std::uint64_t{1} << 60, ~std::uint64_t{0}, std::uint64_t{3}}) {
    expect_malformed(read(little_endian(length, 8) + "{}"), {kFile, std::to_string(length) + " bytes"});
  }
}
END_TEST

START_TEST(a_header_that_is_no_json_object_is_refused) {
  for (const char* header : {"", "[]", "null", "{", "{} x"})
    expect_malformed(read(safetensors_file(header, "")), {kFile});
}
END_TEST

START_TEST(a_header_larger_than_any_model_needs_is_refused) {
  expect_malformed(read(safetensors_file(std::string(kMaxJsonBytes + 1, ' '), "")), {kFile, "4194305 bytes"});
}
END_TEST

START_TEST(a_header_nested_a_million_deep_is_refused) {
  expect_malformed(read(safetensors_file(R"({"w":)" + std::string(1 << 20, '['), "")), {kFile});
}
END_TEST

START_TEST(a_truncated_file_names_a_tensor_that_is_cut) {
  const std::string whole = safetensors_file({{"a", {2}, "12345678"}, {"b", {1}, "abcd"}});
  expect_malformed(read(whole.substr(0, whole.size() - 1)), {kFile, "'b'", "truncated"});
}
END_TEST

START_TEST(bytes_after_the_last_tensor_are_refused) {
  expect_malformed(read(safetensors_file({{"a", {1}, "1234"}}) + "x"), {kFile, "1 bytes after the last tensor"});
}
END_TEST

START_TEST(a_property_that_is_missing_or_of_a_wrong_type_is_named) {
  expect_malformed(read_w(R"({"shape":[2,3],"data_offsets":[0,24]})"), {kFile, "w: dtype is missing"});
  expect_malformed(read_w(R"({"dtype":"F32","data_offsets":[0,24]})"), {kFile, "w: shape is missing"});
  expect_malformed(read_w(R"({"dtype":"F32","shape":[2,3]})"), {kFile, "w: data_offsets is missing"});
  expect_malformed(read_w(R"({"dtype":7,"shape":[2,3],"data_offsets":[0,24]})"), {kFile, "w.dtype: expected a string"});
  expect_malformed(read_w(R"({"dtype":"F32","shape":"2","data_offsets":[0,24]})"),
                   {kFile, "w.shape: expected an array"});
  expect_malformed(read_w(R"({"dtype":"F32","shape":[2.0,3],"data_offsets":[0,24]})"),
                   {kFile, "w.shape.0: expected an int"});
  expect_malformed(read_w("17"), {kFile, "w: expected an object"});
}
END_TEST

START_TEST(a_wrong_dtype_is_named_with_its_tensor) {
  for (const char* dtype : {"F64", "I8", "BOOL", "F8_E4M3", "nonsense", ""}) {
    expect_malformed(read_w(std::format(R"({{"dtype":"{}","shape":[2,3],"data_offsets":[0,24]}})", dtype)),
                     {kFile, "'w'", dtype, "F32, F16 and BF16"});
  }
}
END_TEST

START_TEST(position_ids_may_have_another_dtype) {
  const auto file =
      expect_value(read(safetensors_file({{"text_model.embeddings.position_ids", {1, 2}, "12345678", "I32"},
                                          {"vision_model.embeddings.position_ids", {1}, "12345678", "I64"},
                                          {"w", {1}, "1234"}})));
  ck_assert(file.tensors.contains("w"));
}
END_TEST

START_TEST(offsets_that_disagree_with_the_shape_are_refused) {
  for (const char* shape : {"[2,2]", "[7]", "[]", "[-2,-3]", "[0]", "[4611686018427387904,4]",
                            "[9223372036854775807,2,3]", "[1,1,1,1,1,1,1,2,3]"}) {
    expect_malformed(read_w(std::format(R"({{"dtype":"F32","shape":{},"data_offsets":[0,24]}})", shape)),
                     {kFile, "'w'"});
  }
}
END_TEST

START_TEST(offsets_that_are_no_range_of_the_data_are_refused) {
  for (const char* offsets : {"[]", "[0]", "[0,24,48]", "[24,0]", "[-1,23]", "[0,25]", "[0,9223372036854775807]",
                              "[9223372036854775783,9223372036854775807]"}) {
    expect_malformed(read_w(std::format(R"({{"dtype":"F32","shape":[2,3],"data_offsets":{}}})", offsets)),
                     {kFile, "'w'"});
  }
}
END_TEST

START_TEST(tensors_that_overlap_are_refused) {
  expect_malformed(read(safetensors_file(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
      "b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                                         std::string(12, 'x'))),
                   {kFile, "'b'", "inside"});
}
END_TEST

START_TEST(holes_between_tensors_are_refused) {
  expect_malformed(read(safetensors_file(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},
      "b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
                                         std::string(12, 'x'))),
                   {kFile, "'b'", "hole"});
}
END_TEST

START_TEST(a_tensor_listed_twice_is_refused) {
  const std::string w = R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  expect_malformed(read(safetensors_file(R"({"w":)" + w + R"(,"w":)" + w + "}", "1234")),
                   {kFile, "\"w\" is given twice"});
}
END_TEST

// Two shards, "one" with tensor a and "two" with tensor b, and an index that says `weight_map`.
Result<TensorFile> read_shards(const std::string& weight_map) {
  const Scratch scratch;
  write_file(scratch.path() / "one", safetensors_file({{"a", {1}, "1234"}}));
  write_file(scratch.path() / "two", safetensors_file({{"b", {1}, "5678"}}));
  write_file(scratch.path() / "index.json", R"({"metadata": {}, "weight_map": )" + weight_map + "}");
  return read_sharded(scratch.path() / "index.json", read_safetensors);
}

START_TEST(the_tensors_of_all_shards_are_found) {
  const auto file = expect_value(read_shards(R"({"a": "one", "b": "two"})"));
  ck_assert_mem_eq(file.tensors.find("a")->second.bytes.data(), "1234", 4);
  ck_assert_mem_eq(file.tensors.find("b")->second.bytes.data(), "5678", 4);
}
END_TEST

START_TEST(a_missing_shard_is_named_with_a_tensor_it_should_hold) {
  expect_malformed(read_shards(R"({"a": "one", "b": "two", "c": "three"})"), {"three", "'c'", "index.json"});
}
END_TEST

START_TEST(a_shard_outside_the_directory_is_refused) {
  for (const char* name : {"../one", "/etc/passwd", "..", ".", "", "sub/one"}) {
    expect_malformed(read_shards(std::format(R"({{"a": "{}"}})", name)), {"index.json: weight_map.a: "});
  }
}
END_TEST

START_TEST(a_tensor_that_is_listed_and_not_in_its_shard_is_named) {
  expect_malformed(read_shards(R"({"a": "one", "b": "two", "c": "two"})"), {"two", "'c'", "missing"});
  expect_malformed(read_shards(R"({"a": "two", "b": "one"})"), {"one", "'b'", "missing"});
}
END_TEST

START_TEST(a_tensor_that_is_in_a_shard_and_not_listed_is_named) {
  expect_malformed(read_shards(R"({"c": "one"})"), {"one", "'c'"});
  const Scratch scratch;
  write_file(scratch.path() / "one", safetensors_file({{"a", {1}, "1234"}, {"b", {1}, "5678"}}));
  write_file(scratch.path() / "index.json", R"({"weight_map": {"a": "one"}})");
  expect_malformed(read_sharded(scratch.path() / "index.json", read_safetensors), {"one", "'b'", "does not list it"});
}
END_TEST

START_TEST(a_malformed_index_is_refused) {
  expect_malformed(read_shards("[]"), {"index.json: weight_map: expected an object"});
  expect_malformed(read_shards(R"({"a": 1})"), {"index.json: weight_map.a: expected a string"});
  expect_malformed(read_shards("null"), {"index.json: weight_map is missing"});
  expect_malformed(read_shards("{"), {"index.json", "JSON"});
}
END_TEST

START_TEST(an_error_inside_a_shard_names_the_shard) {
  const Scratch scratch;
  write_file(scratch.path() / "one", "short");
  write_file(scratch.path() / "index.json", R"({"weight_map": {"a": "one"}})");
  expect_malformed(read_sharded(scratch.path() / "index.json", read_safetensors), {"/one: "});
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("safetensors", {tensors_are_views_of_the_mapped_file,
                                   tensors_may_be_listed_in_any_order_and_be_empty,
                                   a_file_too_short_for_a_header_is_refused,
                                   a_header_longer_than_the_file_is_refused,
                                   a_header_that_is_no_json_object_is_refused,
                                   a_header_larger_than_any_model_needs_is_refused,
                                   a_header_nested_a_million_deep_is_refused,
                                   a_truncated_file_names_a_tensor_that_is_cut,
                                   bytes_after_the_last_tensor_are_refused,
                                   a_property_that_is_missing_or_of_a_wrong_type_is_named,
                                   a_wrong_dtype_is_named_with_its_tensor,
                                   position_ids_may_have_another_dtype,
                                   offsets_that_disagree_with_the_shape_are_refused,
                                   offsets_that_are_no_range_of_the_data_are_refused,
                                   tensors_that_overlap_are_refused,
                                   holes_between_tensors_are_refused,
                                   a_tensor_listed_twice_is_refused,
                                   the_tensors_of_all_shards_are_found,
                                   a_missing_shard_is_named_with_a_tensor_it_should_hold,
                                   a_shard_outside_the_directory_is_refused,
                                   a_tensor_that_is_listed_and_not_in_its_shard_is_named,
                                   a_tensor_that_is_in_a_shard_and_not_listed_is_named,
                                   a_malformed_index_is_refused,
                                   an_error_inside_a_shard_names_the_shard});
}
