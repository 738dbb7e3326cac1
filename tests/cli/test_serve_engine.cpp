// `clipembed serve-engine` as a process of its own, with this one as its client.
#include <signal.h>

#include <filesystem>
#include <future>
#include <string>

#include "lib/engine/engine.h"
#include "lib/image/preprocess.h"
#include "tests/cli/engine_server.h"
#include "tests/cli/program.h"
#include "tests/unit/expect.h"
#include "tests/unit/golden.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

namespace clipembed {
namespace {

std::shared_ptr<Engine> connect(const Place& place) {
  return expect_value(shared_engine({.model = {}, .tower = {}, .server = place.address}));
}

void expect_golden(Session& session, const InputGeometry& input, const std::string& image) {
  const ::Picture picture = load_picture(reference_path("images/" + image));
  Picture prepared(input.bytes());
  ck_assert(bool(Preprocessor(input).run(picture.view(), prepared)));
  std::promise<Result<Embedding>> promise;
  ck_assert(bool(
      session.submit(std::move(prepared), [&](Result<Embedding> result) { promise.set_value(std::move(result)); })));
  const Embedding embedding = expect_value(promise.get_future().get());
  ck_assert_double_gt(cosine(embedding.values, golden_embedding(image, "model-a")), 0.999999);
}

constexpr SessionOptions::Outage kWait = SessionOptions::Outage::kWait;

START_TEST(another_process_gets_the_models_embeddings) {
  const Place place;
  Server server(place.address);
  ck_assert_msg(
      server.greeting() == "clipembed: serving " + reference_model("model-a") + ", fp32 on cpu, at " + place.address,
      "%s", server.greeting().c_str());
  const auto engine = connect(place);
  const auto session = engine->open_session({.batch_size = 1});
  for (const char* image : {"fruits.jpg", "small.png"}) expect_golden(*session, engine->info().input, image);
}
END_TEST

START_TEST(a_signal_ends_it_in_order) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const Place place;
    Server server(place.address);
    ck_assert(std::filesystem::exists(place.path));
    ck_assert_int_eq(server.end_by(signal), 0);
    ck_assert(!std::filesystem::exists(place.path));
    ck_assert(server.read_line() == "clipembed: no longer serving at " + place.address);
  }
}
END_TEST

START_TEST(the_next_one_takes_over_from_one_that_was_killed) {
  const Place place;
  Server first(place.address);
  const auto engine = connect(place);
  const auto session = engine->open_session({.batch_size = 1, .outage = kWait});
  expect_golden(*session, engine->info().input, "fruits.jpg");
  ck_assert_int_eq(first.end_by(SIGKILL), -SIGKILL);
  ck_assert(std::filesystem::exists(place.path));

  Server second(place.address);
  expect_golden(*session, engine->info().input, "small.png");
}
END_TEST

START_TEST(a_second_server_leaves_the_first_alone) {
  const Place place;
  Server first(place.address);
  const Finished second =
      run_program({"serve-engine", "--listen", place.address, "--model", reference_model("model-a")});
  ck_assert_int_eq(second.status, 1);
  ck_assert_msg(second.err.find("running at " + place.address) != std::string::npos, "%s", second.err.c_str());
  ck_assert_int_eq(first.end_by(SIGTERM), 0);
}
END_TEST

START_TEST(wrong_usage_is_told_before_the_model_is_loaded) {
  const std::vector<Arguments> wrong = {{},
                                        {"--listen", "tcp:80"},
                                        {"--listen", "unix:/" + std::string(120, 'x')},
                                        {"--listen", "unix:/tmp/x", "--precision", "fp7"},
                                        {"--listen", "unix:/tmp/x", "--threads", "-1"},
                                        {"--listen", "unix:/tmp/x", "surplus"}};
  for (Arguments arguments : wrong) {
    arguments.insert(arguments.begin(), "serve-engine");
    const Finished run = run_program(arguments);
    ck_assert_msg(run.status == 2, "status %d: %s", run.status, run.err.c_str());
    ck_assert_msg(run.err.find("clipembed serve-engine --help") != std::string::npos, "%s", run.err.c_str());
  }
}
END_TEST

START_TEST(a_model_that_is_not_there_is_an_error) {
  const Place place;
  const Finished run =
      run_program({"serve-engine", "--listen", place.address, "--model", "owner/absent"}, {{"HF_HUB_OFFLINE", "1"}});
  ck_assert_int_eq(run.status, 1);
  ck_assert_msg(run.err.find("owner/absent") != std::string::npos, "%s", run.err.c_str());
  ck_assert(!std::filesystem::exists(place.path));
}
END_TEST

START_TEST(help_shows_how_to_use_it) {
  const Finished run = run_program({"serve-engine", "--help"});
  ck_assert_int_eq(run.status, 0);
  for (const char* part : {"--listen", "engine=unix:", "SIGTERM"})
    ck_assert_msg(run.out.find(part) != std::string::npos, "'%s' is not in:\n%s", part, run.out.c_str());
}
END_TEST

}  // namespace
}  // namespace clipembed

int main() {
  using namespace clipembed;
  return run_suite("serve_engine",
                   {another_process_gets_the_models_embeddings, a_signal_ends_it_in_order,
                    the_next_one_takes_over_from_one_that_was_killed, a_second_server_leaves_the_first_alone,
                    wrong_usage_is_told_before_the_model_is_loaded, a_model_that_is_not_there_is_an_error,
                    help_shows_how_to_use_it});
}
