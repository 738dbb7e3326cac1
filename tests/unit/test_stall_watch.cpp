// When a pipeline counts as stopped.
#include <chrono>  // before check.h, whose fail() is a macro

#include "tests/unit/suite.h"
#include "tools/clipembedd/worker/stall_watch.h"

using namespace clipembed;
using namespace std::chrono_literals;

namespace {

// A file as it goes on: position, processor time and wall time of each look.
struct File {
  StallWatch watch = {};
  StallWatch::Clock::time_point now{1h};
  std::chrono::nanoseconds position{0};
  StallWatch::CpuTime used{100ms};

  bool stalled() { return watch.stalled({.position = position, .duration = {}}, used, now); }
};

}  // namespace

START_TEST(nothing_for_three_seconds_before_the_first_frame_is_a_stall) {
  File file;
  ck_assert(!file.stalled());
  file.now += StallWatch::kBeforeFrames;
  ck_assert(!file.stalled());
  file.now += 1ms;
  ck_assert(file.stalled());
}
END_TEST

START_TEST(a_decoder_that_computes_is_alive) {
  File file;
  for (int second = 0; second < 100; ++second) {
    ck_assert(!file.stalled());
    file.now += 2s;
    file.used += 6ms;
  }
}
END_TEST

START_TEST(looking_alone_is_no_life) {
  File file;
  ck_assert(!file.stalled());
  for (int look = 0; look < 40; ++look) {
    file.now += 100ms;
    file.used += 50us;
    if (look < 30) ck_assert(!file.stalled());
  }
  ck_assert(file.stalled());
}
END_TEST

START_TEST(frames_may_wait_for_the_engine_for_long) {
  File file;
  file.position = 5s;
  ck_assert(!file.stalled());
  file.now += StallWatch::kAmongFrames;
  ck_assert(!file.stalled());
  file.position = 6s;
  file.now += 1ms;
  ck_assert(!file.stalled());
  file.now += StallWatch::kAmongFrames + 1ms;
  ck_assert(file.stalled());
}
END_TEST

int main() {
  return run_suite("stall_watch",
                   {nothing_for_three_seconds_before_the_first_frame_is_a_stall, a_decoder_that_computes_is_alive,
                    looking_alone_is_no_life, frames_may_wait_for_the_engine_for_long});
}
