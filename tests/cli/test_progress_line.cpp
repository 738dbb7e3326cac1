// What the progress bar says, and how times are written.
#include <chrono>  // before check.h, whose fail() is a macro

#include "tests/unit/suite.h"
#include "tools/clipembed/clock_text.h"
#include "tools/clipembed/progress_line.h"

namespace {

using namespace clipembed;
using namespace std::chrono_literals;

void expect_text(const std::string& text, const char* expected) { ck_assert_str_eq(text.c_str(), expected); }

START_TEST(times_are_those_of_a_clock) {
  expect_text(clock_text(0ns, 0), "0:00");
  expect_text(clock_text(3200ms, 2), "0:03.20");
  expect_text(clock_text(59999ms, 2), "1:00.00");
  expect_text(clock_text(3723004ms, 3), "1:02:03.004");
  expect_text(clock_text(100h, 0), "100:00:00");
  expect_text(clock_text(-1500ms, 1), "-0:01.5");
  expect_text(clock_text(-1ms, 1), "0:00.0");
}
END_TEST

START_TEST(files_are_counted) {
  expect_text(progress_line({.done = 3, .total = 12, .elapsed = 6s, .current = "a.jpg", .place_elapsed = {}}),
              "[=====               ] 3/12  0.5/s  0:18 left  a.jpg");
  expect_text(progress_line({.total = 2, .elapsed = 6s, .current = "a.jpg", .place_elapsed = {}}),
              "[                    ] 0/2  a.jpg");
}
END_TEST

START_TEST(bytes_are_counted) {
  expect_text(progress_line({.unit = ProgressUnit::kBytes,
                             .done = 1'000'000,
                             .total = 4'000'000,
                             .elapsed = 1s,
                             .current = "model.safetensors",
                             .place_elapsed = {}}),
              "[=====               ] 1.0\u00a0MB of 4.0\u00a0MB  1.0\u00a0MB/s  0:03 left  model.safetensors");
}
END_TEST

START_TEST(a_video_alone_goes_by_its_own_time) {
  ProgressState state = {.total = 1,
                         .elapsed = 20s,
                         .current = "film.mp4",
                         .place = MediaProgress{.position = 60s, .duration = 240s},
                         .place_elapsed = 10s};
  expect_text(progress_line(state), "[=====               ] 1:00 of 4:00  6x  0:30 left  film.mp4");
  state.place = MediaProgress{.position = 0s, .duration = 3600s};
  expect_text(progress_line(state), "[                    ] 0:00 of 1:00:00  film.mp4");
  state.place = MediaProgress{.position = 60s, .duration = {}};
  expect_text(progress_line(state), "[                    ] 1:00  6x  film.mp4");
  state.place = MediaProgress{.position = 12345s, .duration = {}};
  expect_text(progress_line(state), "[                    ] 3:25:45  1234x  film.mp4");
  state.place = MediaProgress{.position = 250s, .duration = 240s};
  expect_text(progress_line(state), "[====================] 4:10 of 4:10  25x  0:00 left  film.mp4");
}
END_TEST

START_TEST(a_video_among_files_counts_in_part) {
  expect_text(progress_line({.done = 1,
                             .total = 2,
                             .elapsed = 15s,
                             .current = "film.mp4",
                             .place = MediaProgress{.position = 120s, .duration = 240s},
                             .place_elapsed = 10s}),
              "[===============     ] 1/2  0.1/s  0:05 left  film.mp4 2:00 of 4:00");
}
END_TEST

}  // namespace

int main() {
  return run_suite("progress_line", {times_are_those_of_a_clock, files_are_counted, bytes_are_counted,
                                     a_video_alone_goes_by_its_own_time, a_video_among_files_counts_in_part});
}
