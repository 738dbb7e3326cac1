// The three output formats and the file they go to, without a model.
#include <json-glib/json-glib.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/clipembed/output.h"
#include "tools/media/json_writer.h"

namespace {

using namespace clipembed;

OutputFile create(const std::filesystem::path& path) { return expect_value(OutputFile::create(path)); }

FileResult success(std::size_t number, std::string path, std::vector<float> vector) {
  MediaEmbedding embedding;
  embedding.vector = std::move(vector);
  return FileResult{.path = std::move(path), .number = number, .outcome = std::move(embedding)};
}
// Two frames, in shots 0 and 3, the second without scores.
FileResult video(std::size_t number, std::string path) {
  FileResult result = success(number, std::move(path), {0.5f, 0.5f});
  result.outcome->is_video = true;
  result.outcome->frames.push_back({.time = std::chrono::milliseconds(1250),
                                    .reason = "salient",
                                    .scene = 0,
                                    .score = 0.625,
                                    .entropy = 7.5,
                                    .embedding = {1, 0}});
  result.outcome->frames.push_back(
      {.time = std::chrono::milliseconds(63004), .reason = "coverage", .scene = 3, .embedding = {0, 1}});
  return result;
}
FileResult failure(std::size_t number, std::string path) {
  return FileResult{
      .path = std::move(path), .number = number, .outcome = Error{Error::Kind::kFormat, "this is the cause"}};
}

void expect_text(const std::string& text, const char* expected) { ck_assert_str_eq(text.c_str(), expected); }

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t files_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator()));
}

START_TEST(floats_take_the_fewest_digits_that_read_back) {
  const std::vector<float> values = {0.1f, -1.0f, 1e-30f, 16777216.0f, 0.0f};
  JsonWriter writer;
  writer.add("v", values);
  expect_text(writer.text(), "{\"v\":[0.1,-1,1e-30,16777216,0]}");
}
END_TEST

START_TEST(every_float_reads_back_as_itself) {
  std::vector<float> values;
  std::uint32_t state = 1;
  while (values.size() < 10000) {
    state = state * 1664525 + 1013904223;  // Numerical Recipes' generator
    const auto value = std::bit_cast<float>(state);
    if (std::isfinite(value)) values.push_back(value);
  }
  JsonWriter writer;
  writer.add("v", values);
  g_autoptr(JsonParser) parser = json_parser_new();
  ck_assert(json_parser_load_from_data(parser, writer.text().c_str(), -1, nullptr));
  JsonArray* array = json_object_get_array_member(json_node_get_object(json_parser_get_root(parser)), "v");
  for (guint i = 0; i < values.size(); ++i)
    ck_assert(static_cast<float>(json_array_get_double_element(array, i)) == values[i]);
}
END_TEST

START_TEST(strings_are_escaped_and_made_utf8) {
  JsonWriter writer;
  writer.add("path", std::string_view("a\"b\\c\nd\xff"
                                      "e\xc3\xbc"));
  expect_text(writer.text(),
              "{\"path\":\"a\\\"b\\\\c\\u000ad\xef\xbf\xbd"
              "e\xc3\xbc\"}");
}
END_TEST

START_TEST(jsonl_has_one_object_a_line_of_one_shape) {
  const Scratch scratch;
  const auto path = scratch.path() / "out.jsonl";
  const auto output = new_jsonl_output(create(path), {.model = "some/model - cpu"});
  expect_value(output->write(success(1, "a.jpg", {0.5f, -0.25f})));
  expect_value(output->write(failure(2, "b.jpg")));
  expect_value(output->finish());

  std::istringstream lines(read_file(path));
  std::string line;
  for (const bool failed : {false, true}) {
    ck_assert(std::getline(lines, line));
    g_autoptr(JsonParser) parser = json_parser_new();
    ck_assert(json_parser_load_from_data(parser, line.c_str(), -1, nullptr));
    JsonObject* object = json_node_get_object(json_parser_get_root(parser));
    ck_assert_str_eq(json_object_get_string_member(object, "path"), failed ? "b.jpg" : "a.jpg");
    ck_assert_int_eq(json_object_get_null_member(object, "embedding"), failed);
    ck_assert_int_eq(json_object_get_null_member(object, "error"), !failed);
    ck_assert_int_eq(json_object_get_null_member(object, "detail"), !failed);
    JsonObject* metadata = json_object_get_object_member(object, "debugMetadata");
    ck_assert_str_eq(json_object_get_string_member(metadata, "model"), "some/model - cpu");
    ck_assert(!json_object_get_boolean_member(metadata, "enable_augmentation"));
    ck_assert(g_str_has_suffix(json_object_get_string_member(metadata, "timestamp"), "Z"));
    ck_assert(g_str_has_prefix(json_object_get_string_member(metadata, "request_id"), failed ? "req-2-" : "req-1-"));
    if (failed) ck_assert_str_eq(json_object_get_string_member(object, "error"), "Unsupported file type");
    if (failed) ck_assert_str_eq(json_object_get_string_member(object, "detail"), "this is the cause");
  }
  ck_assert(!std::getline(lines, line));
}
END_TEST

START_TEST(npy_holds_the_rows_that_worked_and_their_names) {
  const Scratch scratch;
  const auto array = scratch.path() / "out.npy", names = scratch.path() / "out.npy.names.txt";
  const auto output = expect_value(new_npy_output(create(array), create(names), 2));
  expect_value(output->write(success(1, "a.jpg", {0.5f, -0.25f})));
  expect_value(output->write(failure(2, "b.jpg")));
  expect_value(output->write(success(3, "with\nnewline", {1.0f, 2.0f})));
  expect_value(output->finish());

  const std::string file = read_file(array);
  ck_assert_uint_eq(file.size(), 128 + 4 * sizeof(float));
  ck_assert_int_eq(std::memcmp(file.data(), "\x93NUMPY\x01\x00\x76\x00", 10), 0);
  ck_assert(file.find("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }") == 10);
  ck_assert_int_eq(file[127], '\n');
  const float expected[] = {0.5f, -0.25f, 1.0f, 2.0f};
  ck_assert_int_eq(std::memcmp(file.data() + 128, expected, sizeof expected), 0);
  expect_text(read_file(names), "a.jpg\nwith\\nnewline\n");
}
END_TEST

START_TEST(jsonl_has_the_frames_of_a_video_where_asked_to) {
  const Scratch scratch;
  for (const bool asked : {false, true}) {
    const auto path = scratch.path() / "out.jsonl";
    const auto output = new_jsonl_output(create(path), {.augmented = asked, .frames = asked});
    expect_value(output->write(video(1, "a.mp4")));
    expect_value(output->finish());
    const std::string line = read_file(path);
    ck_assert(contains(line, R"("num_frames":2,"method_used":"thorough")"));
    ck_assert(contains(line, R"("enable_augmentation":)" + std::string(asked ? "true" : "false")));
    ck_assert_int_eq(contains(line, R"("frames":[{"time":1.250,"reason":"salient","scene":0,)"), asked);
    ck_assert_int_eq(contains(line, R"("reason":"coverage","scene":3,"score":null,"entropy":null,"embedding":[0,1])"),
                     asked);
  }
}
END_TEST

START_TEST(npy_has_a_row_for_each_frame_where_asked_to) {
  const Scratch scratch;
  const auto array = scratch.path() / "out.npy", names = scratch.path() / "names";
  const auto output = expect_value(new_npy_output(create(array), create(names), 2, {.frames = true}));
  expect_value(output->write(video(1, "a\tb.mp4")));
  expect_value(output->write(success(2, "c.jpg", {0.25f, 2.0f})));
  expect_value(output->finish());

  const std::string file = read_file(array);
  ck_assert(file.find("'shape': (3, 2)") != std::string::npos);
  const float expected[] = {1, 0, 0, 1, 0.25f, 2.0f};
  ck_assert_uint_eq(file.size(), 128 + sizeof expected);
  ck_assert_int_eq(std::memcmp(file.data() + 128, expected, sizeof expected), 0);
  expect_text(read_file(names), "a\\tb.mp4\t1.250\tsalient\t0\na\\tb.mp4\t63.004\tcoverage\t3\nc.jpg\n");
}
END_TEST

START_TEST(npy_without_rows_is_an_array_of_none) {
  const Scratch scratch;
  const auto output =
      expect_value(new_npy_output(create(scratch.path() / "out.npy"), create(scratch.path() / "names"), 512));
  expect_value(output->finish());
  ck_assert(read_file(scratch.path() / "out.npy").find("(0, 512)") != std::string::npos);
}
END_TEST

START_TEST(table_shows_values_and_errors) {
  const Scratch scratch;
  const auto output = new_table_output(create(scratch.path() / "out"));
  expect_value(output->write(success(1, "a.jpg", {0.5f, -0.25f, 0, 0, 0.125f})));
  expect_value(output->write(failure(2, "b.jpg")));
  expect_value(output->finish());
  const std::string table = read_file(scratch.path() / "out");
  for (const char* part :
       {"path", "first values", "a.jpg", "0.5000", "-0.2500", "b.jpg", "Unsupported file type: this is the cause\n"})
    ck_assert_msg(table.find(part) != std::string::npos, "'%s' is not in:\n%s", part, table.c_str());
}
END_TEST

START_TEST(table_has_a_line_for_each_frame_where_asked_to) {
  const Scratch scratch;
  const auto output = new_table_output(create(scratch.path() / "out"), {.frames = true});
  expect_value(output->write(video(1, "a.mp4")));
  expect_value(output->finish());
  const std::string table = read_file(scratch.path() / "out");
  for (const char* part : {"0:01.25  salient   shot 1", "score 0.62  7.50 bits\n", "1:03.00  coverage  shot 4"})
    ck_assert_msg(table.find(part) != std::string::npos, "'%s' is not in:\n%s", part, table.c_str());
}
END_TEST

START_TEST(a_file_appears_only_when_it_is_complete) {
  const Scratch scratch;
  write_file(scratch.path() / "out", "old");
  {
    OutputFile abandoned = create(scratch.path() / "out");
    expect_value(abandoned.write("new"));
  }
  expect_text(read_file(scratch.path() / "out"), "old");
  ck_assert_uint_eq(files_in(scratch.path()), 1);

  OutputFile finished = create(scratch.path() / "out");
  expect_value(finished.write("new"));
  expect_value(finished.commit());
  expect_text(read_file(scratch.path() / "out"), "new");
  ck_assert_uint_eq(files_in(scratch.path()), 1);
}
END_TEST

START_TEST(a_symbolic_link_stays_one) {
  const Scratch scratch;
  write_file(scratch.path() / "target", "old");
  std::filesystem::create_symlink("target", scratch.path() / "link");
  OutputFile file = create(scratch.path() / "link");
  expect_value(file.write("new"));
  expect_value(file.commit());
  ck_assert(std::filesystem::is_symlink(scratch.path() / "link"));
  expect_text(read_file(scratch.path() / "target"), "new");
}
END_TEST

START_TEST(a_device_is_written_and_not_replaced) {
  OutputFile file = create("/dev/null");
  expect_value(file.write("anything"));
  expect_value(file.commit());
  ck_assert(std::filesystem::is_character_file("/dev/null"));
}
END_TEST

START_TEST(a_full_disk_is_an_error) {
  OutputFile file = create("/dev/full");
  expect_error(file.write("anything"), Error::Kind::kFailed, {"/dev/full", "No space"});
}
END_TEST

START_TEST(a_directory_is_refused_as_output) {
  const Scratch scratch;
  expect_error(OutputFile::create(scratch.path()), Error::Kind::kSettings, {"is a directory"});
}
END_TEST

}  // namespace

int main() {
  return run_suite("output",
                   {floats_take_the_fewest_digits_that_read_back, every_float_reads_back_as_itself,
                    strings_are_escaped_and_made_utf8, jsonl_has_one_object_a_line_of_one_shape,
                    jsonl_has_the_frames_of_a_video_where_asked_to, npy_has_a_row_for_each_frame_where_asked_to,
                    table_has_a_line_for_each_frame_where_asked_to, npy_holds_the_rows_that_worked_and_their_names,
                    npy_without_rows_is_an_array_of_none, table_shows_values_and_errors,
                    a_file_appears_only_when_it_is_complete, a_symbolic_link_stays_one,
                    a_device_is_written_and_not_replaced, a_full_disk_is_an_error, a_directory_is_refused_as_output});
}
