// Where shots begin, in sequences made of smooth random pictures, at 5 to 60 frames a second.
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "lib/video/shot_detector.h"
#include "tests/unit/scene.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

constexpr int kRates[] = {5, 10, 15, 24, 30, 60};

// The picture at a time, in seconds.
using Sequence = std::function<Thumbnail(double)>;

std::vector<double> shots(const Sequence& sequence, int rate, double seconds) {
  ShotDetector detector;
  std::vector<double> starts;
  for (int i = 0; i < seconds * rate; ++i) {
    const auto time = std::chrono::nanoseconds(1000000000LL * i / rate);
    if (const auto boundary = detector.push(time, sequence(double(i) / rate))) {
      ck_assert_msg(boundary->frame + ShotDetector::kLookAhead >= std::uint64_t(i), "known too late");
      starts.push_back(double(boundary->frame) / rate);
    }
  }
  while (const auto boundary = detector.drain()) starts.push_back(double(boundary->frame) / rate);
  return starts;
}

// Each in its span, at every rate, and no others.
struct Span {
  double from, to;
};

void expect_shots(const Sequence& sequence, double seconds, const std::vector<Span>& spans) {
  for (const int rate : kRates) {
    const std::vector<double> starts = shots(sequence, rate, seconds);
    std::string found;
    for (const double start : starts) found += std::to_string(start) + " ";
    ck_assert_msg(starts.size() == spans.size(), "at %d frames a second: %s", rate, found.c_str());
    for (std::size_t i = 0; i < spans.size(); ++i) {
      ck_assert_msg(starts[i] >= spans[i].from - 1e-6 && starts[i] <= spans[i].to + 2.01 / rate,
                    "at %d frames a second: %s", rate, found.c_str());
    }
  }
}

// Shakes by some cells, a few times a second.
double shaken(double t, double phase) { return 1.5 * std::sin(23 * t + phase) + std::sin(41 * t + 2 * phase); }

Thumbnail grainy(Thumbnail picture, int seed) {
  for (int i = 0; i < int(picture.luma.size()); ++i) {
    const int level = picture.luma[i] + int(8 * (hash_level(seed, i, 5) - 0.5));
    picture.luma[i] = std::uint8_t(std::clamp(level, 0, 255));
  }
  return picture;
}

Thumbnail letterboxed(Thumbnail picture) {
  std::fill_n(picture.luma.begin(), 5 * picture.kWidth, 0);
  std::fill_n(picture.luma.end() - 5 * picture.kWidth, 5 * picture.kWidth, 0);
  return picture;
}

}  // namespace

START_TEST(a_static_scene_is_one_shot) {
  expect_shots([](double) { return scene(1); }, 4, {});
}
END_TEST

START_TEST(a_cut_begins_a_shot_at_its_frame) {
  expect_shots([](double t) { return scene(t < 2 ? 1 : t < 4 ? 2 : 3); }, 6, {{2, 2}, {4, 4}});
}
END_TEST

START_TEST(a_cut_is_found_between_moving_shots) {
  expect_shots([](double t) { return scene(t < 2 ? 1 : 2, 10 * t, 0); }, 4, {{2, 2}});
}
END_TEST

START_TEST(a_cut_is_found_under_grain) {
  expect_shots([](double t) { return grainy(scene(t < 2 ? 1 : 2), int(t * 1000)); }, 4, {{2, 2}});
}
END_TEST

START_TEST(a_cut_is_found_between_bars) {
  expect_shots([](double t) { return letterboxed(scene(t < 2 ? 1 : 2)); }, 4, {{2, 2}});
}
END_TEST

START_TEST(a_pan_is_no_cut) {
  expect_shots([](double t) { return scene(1, 15 * t, 2 * t); }, 5, {});
}
END_TEST

START_TEST(shake_is_no_cut) {
  expect_shots([](double t) { return scene(1, shaken(t, 0), shaken(t, 1)); }, 5, {});
}
END_TEST

START_TEST(a_flash_is_no_cut) {
  for (const double length : {0.02, 0.06, 0.1}) {
    expect_shots([=](double t) { return t >= 2 && t < 2 + length ? brighter(scene(1)) : scene(1); }, 4, {});
  }
}
END_TEST

START_TEST(a_dissolve_begins_one_shot) {
  for (const double length : {0.8, 1.2}) {
    const auto dissolve = [=](double t) { return mix(scene(1), scene(2), std::clamp((t - 2) / length, 0.0, 1.0)); };
    expect_shots(dissolve, 5, {{2, 2 + length}});
  }
}
END_TEST

START_TEST(a_fade_through_black_begins_one_shot) {
  const auto fade = [](double t) {
    return t < 2.5 ? mix(scene(1), black(), std::clamp(2 * (t - 1.5), 0.0, 1.0))
                   : mix(black(), scene(2), std::clamp(2 * (t - 2.7), 0.0, 1.0));
  };
  expect_shots(fade, 5, {{2.5, 3.2}});
}
END_TEST

START_TEST(a_fade_and_back_to_the_same_scene_is_one_shot) {
  const auto blink = [](double t) { return mix(scene(1), black(), std::clamp(2 - 2 * std::fabs(t - 2.5), 0.0, 1.0)); };
  expect_shots(blink, 5, {});
}
END_TEST

START_TEST(a_light_that_is_switched_is_no_cut) {
  expect_shots([](double t) { return t < 2 ? scene(1) : mix(scene(1), black(), 0.6); }, 4, {});
}
END_TEST

// A pan that ends in a fade is neither a dissolve nor two shots.
START_TEST(a_fade_of_a_moving_shot_begins_one_shot) {
  const auto fade = [](double t) {
    return t < 2.5 ? mix(scene(1, 6 * t), black(), std::clamp(t - 1.5, 0.0, 1.0))
                   : mix(black(), scene(2, 6 * t), std::clamp(t - 2.7, 0.0, 1.0));
  };
  expect_shots(fade, 6, {{2.5, 3.7}});
}
END_TEST

START_TEST(a_flash_that_blinds_the_camera_is_no_cut) {
  const auto flash = [](double t) {
    Thumbnail picture = scene(1, 6 * t);
    if (t >= 2 && t < 2.1) picture.luma.fill(255);
    return picture;
  };
  expect_shots(flash, 4, {});
}
END_TEST

// Little but its colour tells a wall from a frame that is black or blinded.
START_TEST(a_cut_to_a_wall_begins_a_shot_at_its_frame) {
  const auto wall = [](double t) {
    Thumbnail picture = scene(1);
    if (t < 2) return picture;
    picture.luma.fill(60);
    picture.cb.fill(170);
    picture.cr.fill(100);
    return picture;
  };
  expect_shots(wall, 4, {{2, 2}});
}
END_TEST

// Key frames, say. What moves in between is unknown, so that only what is unlike counts.
START_TEST(frames_far_apart_begin_a_shot_where_they_are_unlike_the_one_before) {
  for (const int apart : {1, 5}) {
    ShotDetector detector;
    std::vector<int> starts;
    const int scenes[] = {1, 1, 2, 3, 4, 4, 4, 5};
    for (int i = 0; i < 8; ++i) {
      const auto boundary = detector.push(std::chrono::seconds(apart * i), scene(scenes[i], 3 * i));
      if (boundary) starts.push_back(int(boundary->frame));
    }
    while (const auto boundary = detector.drain()) starts.push_back(int(boundary->frame));
    ck_assert(starts == std::vector<int>({2, 3, 4, 7}));
  }
}
END_TEST

START_TEST(a_drain_decides_what_is_open) {
  ShotDetector detector;
  for (int i = 0; i < 10; ++i) {
    ck_assert(!detector.push(std::chrono::milliseconds(40 * i), scene(i < 9 ? 1 : 2)));
  }
  const auto boundary = detector.drain();
  ck_assert(boundary && boundary->frame == 9);
  ck_assert(!detector.drain());
}
END_TEST

int main() {
  return run_suite(
      "shots",
      {a_static_scene_is_one_shot, a_cut_begins_a_shot_at_its_frame, a_cut_is_found_between_moving_shots,
       a_cut_is_found_under_grain, a_cut_is_found_between_bars, a_pan_is_no_cut, shake_is_no_cut, a_flash_is_no_cut,
       a_dissolve_begins_one_shot, a_fade_through_black_begins_one_shot, a_fade_and_back_to_the_same_scene_is_one_shot,
       a_light_that_is_switched_is_no_cut, a_fade_of_a_moving_shot_begins_one_shot,
       a_flash_that_blinds_the_camera_is_no_cut, a_cut_to_a_wall_begins_a_shot_at_its_frame,
       frames_far_apart_begin_a_shot_where_they_are_unlike_the_one_before, a_drain_decides_what_is_open});
}
