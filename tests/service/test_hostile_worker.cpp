// Workers that were taken over: whatever they say costs them their life and the file they had, and nothing else.
#include "tests/service/pool_bench.h"

using namespace clipembed;
using namespace clipembed::test;

namespace {

using Kind = Error::Kind;

PoolOptions fake_worker(const std::string& act) {
  PoolOptions options = one_worker();
  options.program = g_getenv("FAKE_WORKER");
  options.pipelines.still = act;
  return options;
}

void ask_for_ten_frames(Job& job) { job.options.max_frames = 10; }

}  // namespace

START_TEST(one_that_behaves_is_believed) {
  PoolBench bench(fake_worker("well"));
  ck_assert_uint_eq(expect_value(bench.outcome(bench.submit(png_with(1)))).vector.size(), 2);
  ck_assert_uint_eq(bench.pool().status().misbehaved, 0);
}
END_TEST

START_TEST(what_no_worker_says_ends_it) {
  for (const char* act : {"for-another-job", "more-frames-than-it-may", "vectors-of-other-lengths",
                          "progress-without-end", "ready-again", "locked-again"}) {
    PoolBench bench(fake_worker(act));
    const auto result = bench.outcome(bench.submit(png_with(1), ask_for_ten_frames));
    ck_assert_msg(!result, "%s was believed", act);
    expect_error(result, Kind::kFailed, {"upload-0", "taken over"});
    run_until([&] { return bench.pool().status().restarts == 1 && bench.pool().status().idle >= 1; });
    ck_assert_uint_eq(bench.pool().status().misbehaved, 1);
  }
}
END_TEST

START_TEST(a_second_answer_ends_it_and_leaves_the_first) {
  PoolBench bench(fake_worker("twice"));
  ck_assert(bool(bench.outcome(bench.submit(png_with(1)))));
  run_until([&] { return bench.pool().status().misbehaved == 1; });
}
END_TEST

START_TEST(one_that_starts_wrong_is_never_given_a_file) {
  for (const char* act : {"ready-before-it-is-locked", "an-end-at-once"}) {
    PoolBench bench(fake_worker(act));
    const std::size_t job = bench.submit(png_with(1));
    run_until([&] { return bench.pool().status().restarts >= 2; });
    ck_assert(!bench.is_done(job));
    ck_assert(!bench.pool().status().ready && !bench.pool().status().trouble.empty());
  }
}
END_TEST

int main() {
  return run_suite("hostile_worker",
                   {one_that_behaves_is_believed, what_no_worker_says_ends_it,
                    a_second_answer_ends_it_and_leaves_the_first, one_that_starts_wrong_is_never_given_a_file});
}
