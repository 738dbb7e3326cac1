// `clipembed model info` and `model fetch`, and `embed --model ID`, against a hub on the loopback.
#include <gio/gio.h>

#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/cli/program.h"
#include "tests/unit/golden.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;

// fake-hub, serving model-a; it ends with its standard input.
class Hub {
 public:
  explicit Hub(const char* id)
      : process_(g_subprocess_new(
            static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE), nullptr,
            getenv("FAKE_HUB"), reference_model("model-a").c_str(), id, nullptr)) {
    const GObjectPtr<GDataInputStream> out(g_data_input_stream_new(g_subprocess_get_stdout_pipe(process_.get())));
    g_autofree char* url = g_data_input_stream_read_line(out.get(), nullptr, nullptr, nullptr);
    ck_assert_ptr_nonnull(url);
    url_ = url;
  }
  ~Hub() {
    g_output_stream_close(g_subprocess_get_stdin_pipe(process_.get()), nullptr, nullptr);
    g_subprocess_wait(process_.get(), nullptr, nullptr);
  }

  const std::string& url() const { return url_; }

 private:
  GObjectPtr<GSubprocess> process_;
  std::string url_;
};

START_TEST(info_describes_a_directory) {
  const Finished run = run_program({"model", "info", reference_model("model-c")});
  ck_assert_int_eq(run.status, 0);
  for (const char* part : {"architecture  ViT-custom/32", "crop 224 x 224", "512 floats",
                           "3 layers, width 128, 4 heads", "pytorch_model.bin", "fp16", "text tower    2 layers"})
    ck_assert_msg(run.out.find(part) != std::string::npos, "'%s' is not in:\n%s", part, run.out.c_str());
}
END_TEST

START_TEST(info_of_a_model_that_is_not_there_says_how_to_get_it) {
  const Scratch scratch;
  const Finished run = run_program({"model", "info", "owner/absent"});
  ck_assert_int_eq(run.status, 1);
  ck_assert_msg(run.err.find("clipembed model fetch owner/absent") != std::string::npos, "%s", run.err.c_str());
}
END_TEST

START_TEST(a_fetched_model_is_found_offline) {
  const Scratch scratch;
  {
    const Hub hub("owner/tiny");
    const Finished fetch = run_program({"model", "fetch", "owner/tiny"}, {{"HF_ENDPOINT", hub.url()}});
    ck_assert_msg(fetch.status == 0, "%s", fetch.err.c_str());
  }
  const Finished info = run_program({"model", "info", "owner/tiny"}, {{"HF_HUB_OFFLINE", "1"}});
  ck_assert_msg(info.status == 0, "%s", info.err.c_str());
  ck_assert_msg(info.out.find("owner/tiny") != std::string::npos, "%s", info.out.c_str());
}
END_TEST

START_TEST(embed_fetches_the_default_model_when_it_is_missing) {
  const Scratch scratch;
  const Hub hub("openai/clip-vit-base-patch32");
  const Finished run =
      run_program({"embed", "--precision", "fp32", reference_image("fruits.jpg")}, {{"HF_ENDPOINT", hub.url()}});
  ck_assert_msg(run.status == 0, "%s", run.err.c_str());
  const std::vector<Line> lines = parse_lines(run.out);
  ck_assert(lines.at(0).model.starts_with("openai/clip-vit-base-patch32 - "));
  ck_assert_double_gt(cosine(lines[0].embedding, golden_embedding("fruits.jpg", "model-a")), 0.99999);
}
END_TEST

START_TEST(a_model_that_cannot_be_had_is_one_clear_error) {
  const Scratch scratch;
  const Finished run =
      run_program({"embed", "--model", "owner/absent", reference_image("fruits.jpg")}, {{"HF_HUB_OFFLINE", "1"}});
  ck_assert_int_eq(run.status, 1);
  ck_assert_str_eq(run.out.c_str(), "");
  ck_assert_msg(run.err.find("owner/absent") != std::string::npos, "%s", run.err.c_str());
}
END_TEST

}  // namespace

int main() {
  return run_suite("model_command",
                   {info_describes_a_directory, info_of_a_model_that_is_not_there_says_how_to_get_it,
                    a_fetched_model_is_found_offline, embed_fetches_the_default_model_when_it_is_missing,
                    a_model_that_cannot_be_had_is_one_clear_error});
}
