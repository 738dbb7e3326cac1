// read_torch_save(): state dicts as torch.save writes them, and every way in which a zip or a pickle can be wrong or
// hostile.
#include "lib/model/torch_save.h"

#include <string>

#include "tests/unit/expect.h"
#include "tests/unit/pickle_writer.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

using pickle::Tensor;

const std::string kFile = "pytorch_model.bin";
const std::string kNumbers = "aaaabbbbccccddddeeeeffff";  // six "floats"

Result<TensorFile> read(const std::string& content) {
  const Scratch scratch;
  write_file(scratch.path() / kFile, content);
  return read_torch_save(scratch.path() / kFile);
}

Result<TensorFile> read_pickle(const std::string& pickle) { return read(torch_file(pickle, kNumbers)); }
Result<TensorFile> read_tensor(const Tensor& tensor) { return read_pickle(pickle::state_dict(tensor)); }

void expect_bytes(const TensorFile& file, const std::string& name, std::string_view expected) {
  const auto bytes = file.tensors.at(name).bytes;
  ck_assert_uint_eq(bytes.size(), expected.size());
  ck_assert_mem_eq(bytes.data(), expected.data(), expected.size());
}

START_TEST(a_tensor_is_a_view_of_its_storage) {
  const auto file = expect_value(read_tensor({}));
  expect_bytes(file, "w", kNumbers);
  const TensorView& w = file.tensors.at("w");
  ck_assert(w.dtype == DType::kF32);
  ck_assert(w.shape == (std::vector<std::int64_t>{2, 3}));
  ck_assert_uint_eq(file.storage.size(), 1);
}
END_TEST

START_TEST(tensors_may_share_a_storage) {
  Tensor last = {.name = "last", .offset = 4, .shape = {2}, .strides = {1}};
  const auto file = expect_value(read_pickle(
      pickle::state_dict(pickle::text("w") + pickle::value({}) + pickle::text("last") + pickle::value(last))));
  expect_bytes(file, "last", "eeeeffff");
}
END_TEST

START_TEST(every_storage_type_has_its_dtype) {
  struct Case {
    const char* storage_type;
    DType dtype;
    std::int64_t elements;
  };
  for (const Case& c : {Case{"FloatStorage", DType::kF32, 6}, Case{"HalfStorage", DType::kF16, 12},
                        Case{"BFloat16Storage", DType::kBf16, 12}, Case{"LongStorage", DType::kI64, 3}}) {
    const auto file = expect_value(
        read_tensor({.storage_type = c.storage_type, .elements = c.elements, .shape = {c.elements}, .strides = {1}}));
    ck_assert(file.tensors.at("w").dtype == c.dtype);
  }
}
END_TEST

START_TEST(a_scalar_has_no_dimensions) {
  const auto file = expect_value(read_tensor({.offset = 5, .shape = {}, .strides = {}}));
  expect_bytes(file, "w", "ffff");
}
END_TEST

START_TEST(a_transposed_tensor_is_copied_into_row_major_order) {
  const auto file = expect_value(read_tensor({.shape = {3, 2}, .strides = {1, 3}}));
  expect_bytes(file, "w", "aaaaddddbbbbeeeeccccffff");
}
END_TEST

START_TEST(the_stride_of_a_dimension_of_one_does_not_matter) {
  const auto file = expect_value(read_tensor({.shape = {1, 6}, .strides = {INT64_MAX, 1}}));
  ck_assert_uint_eq(file.storage.size(), 1);
  const auto transposed = expect_value(read_tensor({.offset = 1, .shape = {2, 1, 2}, .strides = {1, INT64_MAX, 2}}));
  expect_bytes(transposed, "w", "bbbbddddcccceeee");
}
END_TEST

START_TEST(a_parameter_is_its_tensor) {
  const std::string parameter = pickle::global("torch._utils", "_rebuild_parameter") +
                                pickle::tuple(pickle::value({}) + "\x88" + pickle::kOrderedDict) + "R";
  expect_bytes(expect_value(read_pickle(pickle::state_dict(pickle::text("w") + parameter))), "w", kNumbers);
}
END_TEST

START_TEST(a_plain_dict_and_the_memo_are_understood) {
  const std::string name = pickle::text("w") + "q\x05" + "r" + little_endian(70000, 4);
  const auto file = expect_value(read_pickle("\x80\x02}" + name + pickle::value({}) + "s."));
  ck_assert(file.tensors.contains("w"));
  const std::string again = pickle::text("w") + "q\x01";
  expect_value(read_pickle("\x80\x02}(" + again + pickle::value({.key = "0"}) + "u."));
}
END_TEST

START_TEST(the_attributes_of_a_state_dict_are_ignored) {
  const std::string metadata = "}" + pickle::text("_metadata") + pickle::kOrderedDict + "(" + pickle::text("") + "}" +
                               pickle::text("version") + "K\x01" + "s" + "u" + "s";
  const std::string whole = pickle::state_dict(Tensor{});
  expect_value(read_pickle(whole.substr(0, whole.size() - 1) + metadata + "b."));
}
END_TEST

START_TEST(zip64_archives_are_read) {
  const auto file = expect_value(
      read(zip_file({{"x/data.pkl", pickle::state_dict(Tensor{})}, {"x/data/0", kNumbers}}, /*zip64=*/true)));
  expect_bytes(file, "w", kNumbers);
}
END_TEST

START_TEST(an_archive_may_have_a_comment) {
  std::string file = torch_file(pickle::state_dict(Tensor{}), kNumbers);
  file.replace(file.size() - 2, 2, little_endian(7, 2));
  expect_value(read(file + "PK\5\6abc"));
}
END_TEST

START_TEST(what_is_no_zip_tells_how_to_convert_old_files) {
  // The magic number of torch.save before 1.6.
  expect_malformed(read(std::string("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15)),
                   {kFile, "1.6", "torch.save"});
  for (const char* content : {"", "PK", "text"}) expect_malformed(read(content), {kFile, "not a zip file"});
}
END_TEST

START_TEST(a_missing_file_is_not_found) {
  const Scratch scratch;
  expect_error(read_torch_save(scratch.path() / kFile), Error::Kind::kNotFound, {kFile});
}
END_TEST

START_TEST(a_truncated_archive_is_refused) {
  const std::string whole = torch_file(pickle::state_dict(Tensor{}), kNumbers);
  for (std::size_t size = 0; size < whole.size(); ++size) expect_malformed(read(whole.substr(0, size)), {kFile});
}
END_TEST

START_TEST(compressed_and_encrypted_entries_are_refused) {
  const std::string pickle = pickle::state_dict(Tensor{});
  expect_malformed(read(zip_file({{"x/data.pkl", pickle, 0, 8}})), {kFile, "x/data.pkl", "compressed"});
  expect_malformed(read(zip_file({{"x/data.pkl", pickle, 1, 0}})), {kFile, "x/data.pkl", "encrypted"});
}
END_TEST

START_TEST(an_entry_listed_twice_is_refused) {
  const ZipEntry entry = {"x/data.pkl", pickle::state_dict(Tensor{})};
  expect_malformed(read(zip_file({entry, entry})), {kFile, "'x/data.pkl' twice"});
}
END_TEST

START_TEST(an_archive_without_a_pickle_is_refused) {
  expect_malformed(read(zip_file({{"x/y/data.pkl", ""}, {"data.pkl", ""}})), {kFile, "without data.pkl"});
}
END_TEST

START_TEST(big_endian_numbers_are_refused) {
  expect_malformed(
      read(zip_file({{"x/data.pkl", pickle::state_dict(Tensor{})}, {"x/byteorder", "big"}, {"x/data/0", kNumbers}})),
      {kFile, "little-endian"});
}
END_TEST

START_TEST(a_storage_that_is_missing_or_of_another_size_is_named_with_its_tensor) {
  expect_malformed(read_tensor({.key = "1"}), {kFile, "'w'", "data/1"});
  expect_malformed(read_tensor({.key = "../0"}), {kFile, "'w'", "data/../0"});
  for (const std::int64_t elements : {std::int64_t{5}, std::int64_t{7}, std::int64_t{-6}, INT64_MAX}) {
    expect_malformed(read_tensor({.elements = elements}), {kFile, "'w'", "data/0 has 24 bytes"});
  }
}
END_TEST

START_TEST(a_tensor_outside_its_storage_is_named) {
  const Tensor outside[] = {
      {.offset = 1},
      {.offset = -1},
      {.offset = INT64_MAX},
      {.shape = {2, 4}},
      {.shape = {-2, -3}},
      {.shape = {INT64_MAX, INT64_MAX}},
      {.strides = {4, 1}},
      {.strides = {-3, 1}},
      {.strides = {INT64_MAX, INT64_MAX}},
      {.strides = {3}},
      {.shape = {}, .strides = {1}},
  };
  for (const Tensor& tensor : outside) expect_malformed(read_tensor(tensor), {kFile, "'w'", "outside"});
}
END_TEST

START_TEST(strides_that_repeat_elements_cannot_fill_the_memory) {
  expect_malformed(read_tensor({.shape = {1 << 30, 1 << 30}, .strides = {0, 0}}), {kFile, "'w'", "repeat"});
}
END_TEST

START_TEST(a_wrong_dtype_is_named_with_its_tensor) {
  expect_malformed(read_tensor({.storage_type = "DoubleStorage", .elements = 3}), {kFile, "'w'", "DoubleStorage"});
}
END_TEST

START_TEST(position_ids_may_have_another_dtype) {
  const Tensor ids = {.name = "text_model.embeddings.position_ids", .storage_type = "IntStorage"};
  ck_assert(expect_value(read_tensor(ids)).tensors.empty());
}
END_TEST

START_TEST(a_global_that_a_state_dict_does_not_need_is_refused_and_named) {
  for (const auto& [module, name] :
       {std::pair("os", "system"), {"builtins", "eval"}, {"torch", "load"}, {"torch", ""}}) {
    const std::string call = pickle::global(module, name) + pickle::tuple(pickle::text("touch /tmp/owned")) + "R";
    expect_malformed(read_pickle(pickle::state_dict(pickle::text("w") + call)),
                     {kFile, "'w'", std::string(module) + "." + name});
  }
}
END_TEST

START_TEST(opcodes_that_a_state_dict_does_not_need_are_refused) {
  // INST, OBJ, NEWOBJ, EXT1, STACK_GLOBAL, PERSID, POP, DUP, EMPTY_LIST, FLOAT, and one that does not exist.
  for (const char* opcode : {"i", "o", "\x81", "\x82", "\x93", "P", "0", "2", "]", "F", "\xff"}) {
    expect_malformed(read_pickle(pickle::state_dict(pickle::text("w") + opcode)), {kFile, "'w'", "opcode 0x"});
  }
}
END_TEST

START_TEST(other_pickle_protocols_are_refused) { expect_malformed(read_pickle("\x80\x04}."), {kFile, "protocol 4"}); }
END_TEST

START_TEST(a_truncated_pickle_is_refused) {
  const std::string whole = pickle::state_dict(Tensor{});
  for (std::size_t size = 0; size < whole.size(); ++size) expect_malformed(read_pickle(whole.substr(0, size)), {kFile});
}
END_TEST

START_TEST(a_dict_inside_itself_is_refused_and_leaks_nothing) {
  // d = {}; d["w"] = d
  expect_malformed(read_pickle("\x80\x02}q\x01" + pickle::text("w") + "h\x01s."), {kFile, "'w'", "found a dict"});
  // d = {}; d["w"] = (d,)
  expect_malformed(read_pickle("\x80\x02}q\x01" + pickle::text("w") + "h\x01\x85s."), {kFile, "'w'", "found a tuple"});
}
END_TEST

START_TEST(a_million_nested_tuples_are_refused_without_recursion) {
  expect_malformed(read_pickle("\x80\x02)" + std::string(1 << 20, '\x85') + "."), {kFile, "found a tuple"});
}
END_TEST

START_TEST(a_shape_of_a_million_sizes_used_again_and_again_is_refused) {
  std::string bomb = "\x80\x02(";
  for (int i = 0; i < 50000; ++i) bomb += "K\x01";
  bomb += "tq\x01" + pickle::storage({}) + "q\x02" + pickle::global("torch._utils", "_rebuild_tensor_v2") + "q\x03";
  for (int i = 0; i < 80000; ++i) bomb += "h\x03(h\x02" + pickle::integer(0) + "h\x01h\x01\x89)tR";
  expect_malformed(read_pickle(bomb + "."), {kFile});
}
END_TEST

START_TEST(a_stack_without_end_is_refused) {
  expect_malformed(read_pickle("\x80\x02" + std::string(1 << 20, '}')), {kFile, "too deep"});
  expect_malformed(read_pickle("\x80\x02" + std::string(1 << 20, '(')), {kFile, "too deep"});
}
END_TEST

START_TEST(a_pickle_larger_than_any_model_needs_is_refused) {
  expect_malformed(read_pickle(std::string((4 << 20) + 1, ')')), {kFile, "4194305 bytes"});
}
END_TEST

START_TEST(a_pickle_that_takes_more_than_it_put_is_refused) {
  for (const char* program :
       {".", "s.", "u.", "t.", "R.", "b.", "Q.", "\x85.", "}(t(.", "q\x01.", "h\x07.", ")(\x86.", "}}.", "}(."}) {
    expect_malformed(read_pickle(std::string("\x80\x02") + program), {kFile});
  }
}
END_TEST

START_TEST(values_of_wrong_types_are_refused) {
  const std::string rebuild = pickle::global("torch._utils", "_rebuild_tensor_v2");
  const std::string values[] = {
      "N",
      "K\x01",
      pickle::text("text"),
      pickle::global("collections", "OrderedDict"),
      pickle::global("torch", "FloatStorage"),
      pickle::storage({}),
      pickle::integers({1, 2}),
      pickle::global("collections", "OrderedDict") + pickle::integers({1}) + "R",
      pickle::global("torch", "FloatStorage") + ")R",
      pickle::tuple(pickle::text("module") + pickle::global("torch", "FloatStorage")) + "Q",
      rebuild + ")R",
      rebuild + pickle::tuple("NNNNNN") + "R",
      pickle::global("torch._utils", "_rebuild_parameter") + pickle::tuple("NNN") + "R",
      pickle::value({.hooks = "}" + pickle::text("hook") + "Ns"}),
      pickle::value({.metadata = "}" + pickle::text("neg") + "\x88s"}),
  };
  for (const std::string& value : values) {
    expect_malformed(read_pickle(pickle::state_dict(pickle::text("w") + value)), {kFile, "'w'"});
  }
  expect_malformed(read_pickle(pickle::state_dict("K\x01" + pickle::value({}))), {kFile, "the name of a tensor"});
  expect_malformed(read_pickle("\x80\x02" + pickle::value({}) + "."), {kFile, "found a tensor"});
}
END_TEST

START_TEST(a_tensor_given_twice_is_refused) {
  const std::string item = pickle::text("w") + pickle::value({});
  expect_malformed(read_pickle(pickle::state_dict(item + item)), {kFile, "'w' is given twice"});
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("torch_save", {a_tensor_is_a_view_of_its_storage,
                                  tensors_may_share_a_storage,
                                  every_storage_type_has_its_dtype,
                                  a_scalar_has_no_dimensions,
                                  a_transposed_tensor_is_copied_into_row_major_order,
                                  the_stride_of_a_dimension_of_one_does_not_matter,
                                  a_parameter_is_its_tensor,
                                  a_plain_dict_and_the_memo_are_understood,
                                  the_attributes_of_a_state_dict_are_ignored,
                                  zip64_archives_are_read,
                                  an_archive_may_have_a_comment,
                                  what_is_no_zip_tells_how_to_convert_old_files,
                                  a_missing_file_is_not_found,
                                  a_truncated_archive_is_refused,
                                  compressed_and_encrypted_entries_are_refused,
                                  an_entry_listed_twice_is_refused,
                                  an_archive_without_a_pickle_is_refused,
                                  big_endian_numbers_are_refused,
                                  a_storage_that_is_missing_or_of_another_size_is_named_with_its_tensor,
                                  a_tensor_outside_its_storage_is_named,
                                  strides_that_repeat_elements_cannot_fill_the_memory,
                                  a_wrong_dtype_is_named_with_its_tensor,
                                  position_ids_may_have_another_dtype,
                                  a_global_that_a_state_dict_does_not_need_is_refused_and_named,
                                  opcodes_that_a_state_dict_does_not_need_are_refused,
                                  other_pickle_protocols_are_refused,
                                  a_truncated_pickle_is_refused,
                                  a_dict_inside_itself_is_refused_and_leaks_nothing,
                                  a_million_nested_tuples_are_refused_without_recursion,
                                  a_shape_of_a_million_sizes_used_again_and_again_is_refused,
                                  a_stack_without_end_is_refused,
                                  a_pickle_larger_than_any_model_needs_is_refused,
                                  a_pickle_that_takes_more_than_it_put_is_refused,
                                  values_of_wrong_types_are_refused,
                                  a_tensor_given_twice_is_refused});
}
