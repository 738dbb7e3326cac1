// How libclipembed finds, refuses and uses its LibTorch module; FAKE_MODULE and STALE_MODULE stand in for it. The order
// matters where Check does not fork: a module stays once it is loaded.
#include <stdlib.h>
#include <string.h>

#include <future>

#include "lib/engine/engine.h"
#include "lib/model/cpu_quota.h"
#include "lib/model/tower.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

Result<std::unique_ptr<VisionTower>> open_from(const char* module, const TowerOptions& options = {}) {
  setenv("CLIPEMBED_TORCH_MODULE", module, 1);
  return open_vision_tower({}, {}, options);
}

int threads_of(VisionTower& tower) {
  float embedding = 0;
  ck_assert(bool(tower.embed({}, 1, {&embedding, 1})));
  return static_cast<int>(embedding);
}

}  // namespace

START_TEST(every_precision_is_parsed_back_from_its_name) {
  for (const Precision precision :
       {Precision::kAuto, Precision::kFp32, Precision::kFp16, Precision::kBf16, Precision::kInt8}) {
    ck_assert(*parse_precision(to_string(precision)) == precision);
  }
}
END_TEST

START_TEST(an_unknown_precision_is_refused_with_the_choices) {
  const auto parsed = parse_precision("fp8");
  ck_assert(!parsed && parsed.error().kind == Error::Kind::kSettings);
  ck_assert_ptr_nonnull(strstr(parsed.error().message.c_str(), "auto, fp32, fp16, bf16, int8"));
}
END_TEST

START_TEST(a_missing_module_is_a_library_error_that_names_it) {
  const auto tower = open_from("/no/such/module.so");
  ck_assert(!tower && tower.error().kind == Error::Kind::kLibrary);
  ck_assert_ptr_nonnull(strstr(tower.error().message.c_str(), "/no/such/module.so"));
  ck_assert_ptr_nonnull(strstr(tower.error().message.c_str(), "install LibTorch"));
}
END_TEST

START_TEST(a_module_of_another_version_is_refused) {
  const auto tower = open_from(getenv("STALE_MODULE"));
  ck_assert(!tower && tower.error().kind == Error::Kind::kLibrary);
  ck_assert_ptr_nonnull(strstr(tower.error().message.c_str(), "does not belong to this version"));
}
END_TEST

START_TEST(a_library_that_is_no_module_is_refused) {
  const auto tower = open_from("libm.so.6");
  ck_assert(!tower && tower.error().kind == Error::Kind::kLibrary);
}
END_TEST

START_TEST(a_failed_load_is_tried_anew) {
  ck_assert(!open_from("/no/such/module.so"));
  ck_assert(bool(open_from(getenv("FAKE_MODULE"))));
}
END_TEST

START_TEST(threads_are_the_usable_cpus_unless_given) {
  auto by_default = open_from(getenv("FAKE_MODULE")), given = open_from(getenv("FAKE_MODULE"), {.threads = 7});
  ck_assert(by_default && given);
  ck_assert_int_eq(threads_of(**by_default), usable_cpus());
  ck_assert_int_eq(threads_of(**given), 7);
}
END_TEST

START_TEST(a_shared_engine_is_the_checkpoint_in_a_tower_behind_a_queue) {
  setenv("CLIPEMBED_TORCH_MODULE", getenv("FAKE_MODULE"), 1);
  const std::string model = std::string(getenv("CLIPEMBED_REFERENCE")) + "/model-a";
  const auto engine = shared_engine({.model = model, .tower = {.threads = 3}});
  ck_assert_msg(bool(engine), "%s", engine ? "" : engine.error().message.c_str());
  const EngineInfo& info = (*engine)->info();
  ck_assert_str_eq(info.model.c_str(), model.c_str());
  ck_assert_str_eq(info.device.c_str(), "cpu");
  ck_assert(info.precision == Precision::kFp32);
  ck_assert(info.input == InputGeometry{});
  std::promise<Result<Embedding>> completed;
  const auto session = (*engine)->open_session({.batch_size = 1});
  ck_assert(bool(session->submit(Picture(info.input.bytes()),
                                 [&](Result<Embedding> result) { completed.set_value(std::move(result)); })));
  const auto embedding = completed.get_future().get();
  ck_assert(embedding && embedding->values == std::vector<float>(info.dim, 3.f));
}
END_TEST

int main() {
  return run_suite(
      "tower_module",
      {every_precision_is_parsed_back_from_its_name, an_unknown_precision_is_refused_with_the_choices,
       a_missing_module_is_a_library_error_that_names_it, a_module_of_another_version_is_refused,
       a_library_that_is_no_module_is_refused, a_failed_load_is_tried_anew, threads_are_the_usable_cpus_unless_given,
       a_shared_engine_is_the_checkpoint_in_a_tower_behind_a_queue});
}
