// The daemon's engine: loaded while clients wait already, looked for again where it is missing, and closed with the
// daemon. On a small real checkpoint.
#include <chrono>  // before check.h, whose fail() is a macro
#include <filesystem>
#include <mutex>
#include <string>

#include "lib/engine/remote/remote_engine.h"
#include "tests/service/pool_bench.h"
#include "tools/clipembedd/engine_host.h"

using namespace clipembed;
using namespace clipembed::test;

namespace {

using State = EngineHost::State;

std::string model_folder() { return std::string(g_getenv("CLIPEMBED_REFERENCE")) + "/model-a"; }

EngineHostOptions options_for(const std::string& model) {
  return {.engine = {.model = model, .tower = {.precision = Precision::kFp32}},
          .try_again = std::chrono::milliseconds(20)};
}

// What a worker does with its end.
Result<std::shared_ptr<Engine>> open_as_worker(FileDescriptor end) {
  return remote::open_remote_engine("fd:" + std::to_string(end.release()), "");
}

Result<Embedding> embed_one(Engine& engine) {
  const auto session = engine.open_session(kSinglePictures);
  std::promise<Result<Embedding>> done;
  expect_value(session->submit(Picture(engine.info().input.bytes(), 100),
                               [&](Result<Embedding> result) { done.set_value(std::move(result)); }));
  return done.get_future().get();
}

}  // namespace

START_TEST(a_client_that_came_before_the_model_is_served_once_it_is_there) {
  EngineHost host(options_for(model_folder()));
  FileDescriptor end = expect_value(host.connect());
  ck_assert(host.state() == State::kLoading);
  std::promise<Result<std::shared_ptr<Engine>>> opened;
  const std::jthread worker([&] { opened.set_value(open_as_worker(std::move(end))); });
  run_until([&] { return host.state() == State::kLoaded; });
  const auto engine = expect_value(opened.get_future().get());
  ck_assert_uint_eq(expect_value(embed_one(*engine)).values.size(), static_cast<std::size_t>(host.info()->dim));
}
END_TEST

START_TEST(a_missing_model_is_told_and_found_once_it_is_there) {
  const Scratch scratch;
  const std::string folder = scratch.path() / "model";
  EngineHost host(options_for(folder));
  int changes = 0;
  host.set_state_changed([&] { ++changes; });
  run_until([&] { return host.state() == State::kFailed; });
  ck_assert_msg(host.trouble().find(folder) != std::string::npos, "%s", host.trouble().c_str());
  ck_assert(!host.info());
  const std::string ready = scratch.path() / "elsewhere";
  std::filesystem::copy(model_folder(), ready);
  std::filesystem::rename(ready, folder);
  run_until([&] { return host.state() == State::kLoaded; });
  ck_assert(host.trouble().empty());
  ck_assert_int_ge(changes, 2);
}
END_TEST

START_TEST(other_processes_may_use_it_at_its_socket) {
  const Scratch scratch;
  EngineHostOptions options = options_for(model_folder());
  options.socket = "unix:" + (scratch.path() / "engine.sock").string();
  EngineHost host(options);
  run_until([&] { return host.state() == State::kLoaded; });
  ck_assert(bool(embed_one(*expect_value(remote::open_remote_engine(options.socket, "")))));
}
END_TEST

START_TEST(the_engine_may_be_another_process) {
  const Scratch scratch;
  EngineHostOptions here = options_for(model_folder());
  here.socket = "unix:" + (scratch.path() / "engine.sock").string();
  EngineHost owner(here);
  run_until([&] { return owner.state() == State::kLoaded; });
  EngineHost host({.engine = {.model = {}, .tower = {}, .server = here.socket}});
  run_until([&] { return host.state() == State::kLoaded; });
  ck_assert(bool(embed_one(*expect_value(open_as_worker(expect_value(host.connect()))))));
}
END_TEST

START_TEST(every_embedding_is_told) {
  EngineHostOptions options = options_for(model_folder());
  std::atomic<int> pictures = 0;
  options.observe = [&](const Embedding& embedding) { pictures += embedding.batch; };
  EngineHost host(options);
  run_until([&] { return host.state() == State::kLoaded; });
  const auto engine = expect_value(open_as_worker(expect_value(host.connect())));
  for (int i = 0; i < 3; ++i) ck_assert(bool(embed_one(*engine)));
  ck_assert_int_eq(pictures, 3);
}
END_TEST

START_TEST(a_host_that_goes_while_it_loads_leaves_nothing) {
  Result<FileDescriptor> end = Error{Error::Kind::kFailed, "not tried"};
  {
    EngineHost host(options_for(model_folder()));
    end = host.connect();
  }
  while (g_main_context_iteration(nullptr, FALSE)) {
  }
  expect_error(open_as_worker(expect_value(std::move(end))), Error::Kind::kUnavailable, {});
}
END_TEST

int main() {
  return run_suite("engine_host", {a_client_that_came_before_the_model_is_served_once_it_is_there,
                                   a_missing_model_is_told_and_found_once_it_is_there,
                                   other_processes_may_use_it_at_its_socket, the_engine_may_be_another_process,
                                   every_embedding_is_told, a_host_that_goes_while_it_loads_leaves_nothing});
}
