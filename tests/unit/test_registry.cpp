// One engine a key: single-flight loading, weak references, failures. Loads are the test's own, but for the last two.
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <vector>

#include "lib/engine/registry.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

namespace fs = std::filesystem;
using Outcome = Result<std::shared_ptr<Engine>>;

const EngineKey kKey{.directory = "/models/a", .revision = {}, .device = "cpu", .precision = Precision::kFp32};

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(Precision precision)
      : info_{.model = "a", .revision = {}, .device = "cpu", .precision = precision, .dim = 1, .input = {}} {}
  const EngineInfo& info() const override { return info_; }
  std::unique_ptr<Session> open_session(const SessionOptions&) override { return nullptr; }

 private:
  const EngineInfo info_;
};

// Counts its calls.
struct Loader {
  std::atomic<int> loads = 0;
  Precision precision = Precision::kFp32;

  Outcome operator()() {
    ++loads;
    return Outcome(std::make_shared<FakeEngine>(precision));
  }
};

EngineKey with_precision(Precision precision) {
  EngineKey key = kKey;
  key.precision = precision;
  return key;
}

struct TemporaryDirectory {
  fs::path path;
  TemporaryDirectory() {
    std::string pattern = fs::temp_directory_path() / "clipembed-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(pattern.data()));
    path = pattern;
  }
  ~TemporaryDirectory() { fs::remove_all(path); }
};

}  // namespace

START_TEST(the_same_key_is_the_same_engine) {
  EngineRegistry registry;
  Loader loader;
  const auto first = registry.get(kKey, std::ref(loader)), second = registry.get(kKey, std::ref(loader));
  ck_assert(first && second && *first == *second);
  ck_assert_int_eq(loader.loads, 1);
}
END_TEST

START_TEST(another_precision_is_another_engine) {
  EngineRegistry registry;
  Loader fp32, int8{.precision = Precision::kInt8};
  const auto first = registry.get(kKey, std::ref(fp32));
  const auto second = registry.get(with_precision(Precision::kInt8), std::ref(int8));
  ck_assert(first && second && *first != *second);
}
END_TEST

START_TEST(an_engine_is_forgotten_with_its_last_reference) {
  EngineRegistry registry;
  Loader loader;
  auto first = registry.get(kKey, std::ref(loader));
  const std::weak_ptr<Engine> watch = *first;
  first = Error{Error::Kind::kFailed, "dropped"};
  ck_assert(watch.expired());
  ck_assert(bool(registry.get(kKey, std::ref(loader))));
  ck_assert_int_eq(loader.loads, 2);
}
END_TEST

START_TEST(callers_at_the_same_time_share_one_load) {
  constexpr int kCallers = 8;
  EngineRegistry registry;
  Loader loader;
  std::atomic<int> calling = 0;
  const auto load_once_all_are_here = [&] {
    while (calling < kCallers) std::this_thread::yield();
    return loader();
  };
  std::vector<std::future<Outcome>> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.push_back(std::async(std::launch::async, [&] {
      ++calling;
      return registry.get(kKey, load_once_all_are_here);
    }));
  }
  std::vector<std::shared_ptr<Engine>> engines;
  for (auto& caller : callers) engines.push_back(*caller.get());
  for (const auto& engine : engines) ck_assert(engine == engines[0]);
  ck_assert_int_eq(loader.loads, 1);
}
END_TEST

START_TEST(a_failed_load_is_reported_to_all_who_wait_and_then_tried_anew) {
  EngineRegistry registry;
  Loader loader;
  std::promise<void> loading, fail;
  auto first = std::async(std::launch::async, [&] {
    return registry.get(kKey, [&]() -> Outcome {
      loading.set_value();
      fail.get_future().wait();
      return Error{Error::Kind::kFormat, "truncated"};
    });
  });
  loading.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return registry.get(kKey, std::ref(loader)); });
  fail.set_value();
  ck_assert(first.get().error().kind == Error::Kind::kFormat);
  // The second caller waited, or came so late that it loaded by itself.
  const auto outcome = second.get();
  ck_assert(outcome ? loader.loads == 1 : outcome.error().kind == Error::Kind::kFormat);
  ck_assert(bool(registry.get(kKey, std::ref(loader))));
}
END_TEST

START_TEST(a_load_that_throws_is_an_error_and_blocks_nobody) {
  EngineRegistry registry;
  Loader loader;
  const auto thrown = registry.get(kKey, []() -> Outcome { throw std::runtime_error("disk on fire"); });
  ck_assert(!thrown && thrown.error().kind == Error::Kind::kFailed);
  ck_assert(bool(registry.get(kKey, std::ref(loader))));
}
END_TEST

START_TEST(auto_is_the_engine_that_it_became) {
  EngineRegistry registry;
  Loader loader;
  const auto chosen = registry.get(with_precision(Precision::kAuto), std::ref(loader));
  const auto named = registry.get(with_precision(Precision::kFp32), std::ref(loader));
  ck_assert(chosen && named && *chosen == *named);
  ck_assert_int_eq(loader.loads, 1);
}
END_TEST

START_TEST(auto_gives_way_to_an_engine_that_is_open_already) {
  EngineRegistry registry;
  Loader loader;
  const auto named = registry.get(with_precision(Precision::kFp32), std::ref(loader));
  const auto chosen = registry.get(with_precision(Precision::kAuto), std::ref(loader));
  const auto again = registry.get(with_precision(Precision::kAuto), std::ref(loader));
  ck_assert(named && chosen && *named == *chosen);
  ck_assert(again && *again == *named);
  ck_assert_int_eq(loader.loads, 2);
}
END_TEST

START_TEST(a_folder_is_one_by_whatever_path) {
  const TemporaryDirectory temporary;
  fs::create_directory(temporary.path / "model");
  fs::create_directory_symlink("model", temporary.path / "link");
  const EngineKey key = engine_key({.id = "x", .revision = {}, .directory = temporary.path / "model"}, {});
  ck_assert(key == engine_key({.id = "y", .revision = {}, .directory = temporary.path / "link/../model/."}, {}));
  ck_assert(key == engine_key({.id = "z", .revision = {}, .directory = temporary.path / "link"}, {}));
}
END_TEST

START_TEST(default_threads_and_the_same_number_named_are_one) {
  const EngineKey by_default = engine_key({}, {});
  ck_assert_int_ge(by_default.threads, 1);
  ck_assert(by_default == engine_key({}, {.threads = by_default.threads}));
}
END_TEST

START_TEST(a_model_that_is_not_there_is_not_found) {
  const auto missing = shared_engine({.model = "/no/such/model", .tower = {}});
  ck_assert(!missing && missing.error().kind == Error::Kind::kNotFound);
}
END_TEST

int main() {
  return run_suite("registry",
                   {the_same_key_is_the_same_engine, another_precision_is_another_engine,
                    an_engine_is_forgotten_with_its_last_reference, callers_at_the_same_time_share_one_load,
                    a_failed_load_is_reported_to_all_who_wait_and_then_tried_anew,
                    a_load_that_throws_is_an_error_and_blocks_nobody, auto_is_the_engine_that_it_became,
                    auto_gives_way_to_an_engine_that_is_open_already, a_folder_is_one_by_whatever_path,
                    default_threads_and_the_same_number_named_are_one, a_model_that_is_not_there_is_not_found});
}
