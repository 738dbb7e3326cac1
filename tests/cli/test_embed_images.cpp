// `clipembed embed` on still images: the vectors are those of the reference implementation, bad files are errors of
// their own, and the shell is told.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/cli/image_files.h"
#include "tests/cli/program.h"
#include "tests/unit/golden.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;

const char* const kModels[] = {"model-a", "model-b", "model-c"};

void expect_text(const std::string& text, const std::string& expected) {
  ck_assert_msg(text == expected, "'%s', not '%s'", text.c_str(), expected.c_str());
}

// The same picture may have been in batches of different sizes, which rounds differently.
void expect_same(const Line& a, const Line& b) { ck_assert_double_ge(cosine(a.embedding, b.embedding), 0.9999999); }

Arguments with_paths(Arguments arguments, const std::vector<std::string>& names) {
  for (const std::string& name : names) arguments.push_back(reference_image(name));
  return arguments;
}

START_TEST(vectors_match_the_reference_on_every_image) {
  const std::string model = kModels[_i];
  const std::vector<std::string> names = golden_images();
  const std::vector<Line> lines = embed(with_paths({"--raw-vectors", "--model", reference_model(model)}, names));
  ck_assert_uint_eq(lines.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::vector<float> expected = golden_embedding(names[i], model);
    const double bar = names[i] == "photo.webp" ? 0.9995 : 0.99999;
    ck_assert_msg(cosine(lines[i].embedding, expected) >= bar, "%s: cosine %.8f", names[i].c_str(),
                  cosine(lines[i].embedding, expected));
    if (names[i] == "photo.webp") continue;
    for (std::size_t d = 0; d < expected.size(); ++d)
      ck_assert_msg(std::abs(lines[i].embedding[d] - expected[d]) < 1e-3, "%s is scaled", names[i].c_str());
  }
}
END_TEST

START_TEST(lines_come_in_the_order_of_the_arguments) {
  std::vector<std::string> names;
  for (int i = 0; i < 40; ++i) names.push_back(i % 3 == 0 ? "big.jpg" : i % 3 == 1 ? "onepixel.png" : "fruits.jpg");
  const std::vector<Line> lines = embed(with_paths({}, names));
  ck_assert_uint_eq(lines.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    expect_text(lines[i].path, reference_image(names[i]));
    ck_assert(cosine(lines[i].embedding, golden_embedding(names[i], "model-a")) > 0.99999);
  }
}
END_TEST

START_TEST(vectors_have_length_one_unless_raw) {
  const std::vector<Line> lines = embed({reference_image("fruits.jpg")});
  double squares = 0;
  for (float value : lines.at(0).embedding) squares += double{value} * value;
  ck_assert_double_eq_tol(squares, 1, 1e-6);
}
END_TEST

START_TEST(metadata_names_model_and_device) {
  const std::vector<Line> lines = embed({"--device", "cpu", reference_image("fruits.jpg")});
  expect_text(lines.at(0).model, reference_model("model-a") + " - cpu");
  ck_assert(!lines.at(0).num_frames);
}
END_TEST

START_TEST(exif_orientation_is_applied_unless_turned_off) {
  const Scratch scratch;
  const Pixbuf upright = make_gradient(300, 200);
  const std::string turned = encode(store_oriented(upright.get(), 6).get(), "png");
  const std::string path = scratch.path() / "upright", oriented = scratch.path() / "oriented",
                    stored = scratch.path() / "stored";
  write_file(path, encode(upright.get(), "png"));
  write_file(oriented, with_exif_png(turned, 6));
  write_file(stored, turned);
  const std::vector<Line> lines = embed({path, oriented, stored});
  expect_same(lines.at(1), lines.at(0));
  ck_assert_double_lt(cosine(lines.at(2).embedding, lines[0].embedding), 0.99999);
  expect_same(embed({"--no-auto-orient", oriented}).at(0), lines[2]);
}
END_TEST

// What is wrong with a file, what the error says, and nothing happens to the others.
START_TEST(bad_files_are_errors_and_the_others_are_embedded) {
  const Scratch scratch;
  const auto make = [&scratch](const char* name, std::string_view content) {
    write_file(scratch.path() / name, content);
    return (scratch.path() / name).string();
  };
  const std::string jpeg = read_file(reference_image("fruits.jpg")), png = read_file(reference_image("small.png"));
  ck_assert_int_eq(mkfifo((scratch.path() / "fifo").c_str(), 0600), 0);
  const struct {
    std::string path;
    const char* error;
    const char* detail;
  } kCases[] = {
      {make("empty.jpg", ""), "Unsupported file type", "empty file"},
      {make("text.jpg", "This is no picture.\n"), "Unsupported file type", "type of stream"},
      {make("truncated.jpg", jpeg.substr(0, jpeg.size() / 2)), "Processing failed", "truncated"},
      {make("truncated.png", png.substr(0, png.size() / 2)), "Processing failed", "truncated"},
      {make("bomb.png", make_png_header(60000, 60000, false)), "Processing failed", "--max-pixels"},
      {scratch.path() / "missing.jpg", "File not found", "does not exist"},
      {scratch.path(), "Not a regular file", "is a directory"},
      {scratch.path() / "fifo", "Not a regular file", "FIFO"},
      {"/dev/zero", "Not a regular file", "device"},
  };
  Arguments arguments;
  for (const auto& bad : kCases) arguments.insert(arguments.end(), {reference_image("small.png"), bad.path});
  const std::vector<Line> lines = embed(arguments, 1);
  ck_assert_uint_eq(lines.size(), 2 * std::size(kCases));
  for (std::size_t i = 0; i < std::size(kCases); ++i) {
    const Line &good = lines[2 * i], &bad = lines[2 * i + 1];
    ck_assert_msg(good.error.empty() && !good.embedding.empty(), "%s", good.detail.c_str());
    ck_assert_msg(bad.path == kCases[i].path && bad.embedding.empty(), "%s", bad.path.c_str());
    ck_assert_msg(bad.error == kCases[i].error, "%s: %s", bad.path.c_str(), bad.error.c_str());
    ck_assert_msg(bad.detail.find(kCases[i].detail) != std::string::npos, "%s", bad.detail.c_str());
  }
}
END_TEST

START_TEST(a_file_without_permission_is_an_error) {
  if (geteuid() == 0) {
    std::puts("SKIP: root may read every file");
    return;
  }
  const Scratch scratch;
  write_file(scratch.path() / "secret.png", read_file(reference_image("small.png")));
  chmod((scratch.path() / "secret.png").c_str(), 0);
  ck_assert(embed({scratch.path() / "secret.png"}, 1).at(0).detail.find("Permission") != std::string::npos);
}
END_TEST

START_TEST(a_decoder_that_hangs_costs_one_file) {
  const Scratch scratch;
  const std::string cache = scratch.path() / "loaders.cache", hanging = scratch.path() / "hang.gif";
  write_file(
      cache,
      "\"" + std::string(getenv("HANGING_LOADER")) +
          "\"\n\"gif\" 4 \"gdk-pixbuf\" \"GIF\" \"LGPL\"\n\"image/gif\" \"\"\n\"gif\" \"\"\n\"GIF8\" \"\" 100\n\n");
  write_file(hanging, make_gif());
  // Eight of them are as many as there are ever workers.
  Arguments arguments = {"embed", "--model", reference_model("model-a"), "--timeout", "1"};
  for (int i = 0; i < 8; ++i) arguments.push_back(hanging);
  arguments.push_back(reference_image("small.png"));
  const Finished run = run_program(arguments, {{"GDK_PIXBUF_MODULE_FILE", cache}});
  ck_assert_int_eq(run.status, 1);
  const std::vector<Line> lines = parse_lines(run.out);
  ck_assert_uint_eq(lines.size(), 9);
  ck_assert_str_eq(lines[0].error.c_str(), "Timed out");
  ck_assert_str_eq(lines[8].error.c_str(), "");
}
END_TEST

START_TEST(npy_holds_the_vectors_of_jsonl) {
  const Scratch scratch;
  const std::string out = scratch.path() / "out.npy";
  const Arguments files = {reference_image("fruits.jpg"), "missing", reference_image("small.png")};
  const std::vector<Line> lines = embed(files, 1);
  Arguments arguments = {"--format", "npy", "-o", out};
  arguments.insert(arguments.end(), files.begin(), files.end());
  ck_assert(embed(arguments, 1).empty());
  const std::string array = read_file(out);
  const std::size_t dim = lines.at(0).embedding.size();
  ck_assert_uint_eq(array.size(), 128 + 2 * dim * sizeof(float));
  for (const std::size_t row : {0, 1}) {
    Line line;
    line.embedding.resize(dim);
    std::memcpy(line.embedding.data(), array.data() + 128 + row * dim * sizeof(float), dim * sizeof(float));
    expect_same(line, lines.at(2 * row));
  }
  ck_assert(read_file(out + ".names.txt") == files[0] + "\n" + files[2] + "\n");
}
END_TEST

START_TEST(recursive_takes_the_visible_files_below_sorted) {
  const Scratch scratch;
  const std::string png = read_file(reference_image("small.png"));
  for (const char* name : {"photos/b.png", "photos/a/c.png", "photos/.hidden.png", "photos/.git/d.png"})
    write_file(scratch.path() / name, png);
  const std::vector<Line> lines = embed({"--recursive", scratch.path() / "photos"});
  ck_assert_uint_eq(lines.size(), 2);
  expect_text(lines[0].path, scratch.path() / "photos/a/c.png");
  expect_text(lines[1].path, scratch.path() / "photos/b.png");
}
END_TEST

const char* const kWrongUsage[][4] = {{"embed"},
                                      {"embed", "--no-such-option"},
                                      {"embed", "--format", "xml", "a.jpg"},
                                      {"embed", "--format=npy", "a.jpg"},
                                      {"embed", "--precision", "fp8", "a.jpg"},
                                      {"embed", "--max-pixels", "0", "a.jpg"},
                                      {"embed", "--timeout", "0", "a.jpg"},
                                      {"model", "info"},
                                      {"model", "paint", "x/y"},
                                      {"paint"},
                                      {}};

START_TEST(wrong_usage_is_status_2) {
  Arguments arguments;
  for (const char* argument : kWrongUsage[_i])
    if (argument) arguments.emplace_back(argument);
  const Finished run = run_program(arguments);
  ck_assert_int_eq(run.status, 2);
  ck_assert_str_eq(run.out.c_str(), "");
  ck_assert_msg(run.err.find("--help") != std::string::npos, "%s", run.err.c_str());
}
END_TEST

START_TEST(help_teaches_by_examples) {
  for (const Arguments& arguments : {Arguments{"--help"}, {"embed", "--help"}, {"model", "--help"}}) {
    const Finished run = run_program(arguments);
    ck_assert_int_eq(run.status, 0);
    ck_assert_msg(run.out.find("Examples:") != std::string::npos, "%s", run.out.c_str());
  }
}
END_TEST

START_TEST(an_interrupt_keeps_what_is_done_and_leaves_no_file) {
  const Scratch scratch;
  Arguments arguments = {"embed", "--model", reference_model("model-a")};
  arguments.insert(arguments.end(), 5000, reference_image("big.jpg"));
  const GObjectPtr<GSubprocess> process = start_program(arguments);
  const GObjectPtr<GDataInputStream> out(g_data_input_stream_new(g_subprocess_get_stdout_pipe(process.get())));
  std::string lines;
  for (bool first = true; char* text = g_data_input_stream_read_line(out.get(), nullptr, nullptr, nullptr);
       first = false) {
    if (first) g_subprocess_send_signal(process.get(), SIGINT);
    lines += std::string(text) + "\n";
    g_free(text);
  }
  ck_assert(g_subprocess_wait(process.get(), nullptr, nullptr));
  ck_assert_int_eq(g_subprocess_get_exit_status(process.get()), 130);
  const std::size_t done = parse_lines(lines).size();
  ck_assert_msg(done >= 1 && done < 5000, "%zu lines", done);
}
END_TEST

START_TEST(a_full_disk_ends_the_run) {
  const Finished run =
      run_program({"embed", "--model", reference_model("model-a"), "-o", "/dev/full", reference_image("small.png")});
  ck_assert_int_eq(run.status, 1);
  ck_assert_msg(run.err.find("No space left") != std::string::npos, "%s", run.err.c_str());
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("embed_images");
  TCase* loops = tcase_create("loops");
  tcase_set_timeout(loops, 120);
  tcase_add_loop_test(loops, vectors_match_the_reference_on_every_image, 0, std::size(kModels));
  tcase_add_loop_test(loops, wrong_usage_is_status_2, 0, std::size(kWrongUsage));
  suite_add_tcase(suite, loops);
  return run_suite(suite, {lines_come_in_the_order_of_the_arguments, vectors_have_length_one_unless_raw,
                           metadata_names_model_and_device, exif_orientation_is_applied_unless_turned_off,
                           bad_files_are_errors_and_the_others_are_embedded, a_file_without_permission_is_an_error,
                           a_decoder_that_hangs_costs_one_file, npy_holds_the_vectors_of_jsonl,
                           recursive_takes_the_visible_files_below_sorted, help_teaches_by_examples,
                           an_interrupt_keeps_what_is_done_and_leaves_no_file, a_full_disk_ends_the_run});
}
