// Which frames are chosen, and why.
#include <algorithm>
#include <functional>
#include <vector>

#include "lib/video/frame_selector.h"
#include "tests/unit/scene.h"
#include "tests/unit/suite.h"

using namespace clipembed;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr SelectOptions kShotsOnly{.frames = 0, .max_gap = seconds(0)};

struct Run {
  std::vector<FrameVerdict> verdicts;
  std::vector<FrameVerdict> chosen;
};

// `count` frames, one each 40 ms.
Run run(FrameSelector selector, int count, const std::function<FrameSketch(int)>& frame) {
  Run result;
  const auto take = [&](const std::vector<FrameVerdict>& verdicts) {
    for (const FrameVerdict& verdict : verdicts) {
      ck_assert_int_eq(int(verdict.number), int(result.verdicts.size()));
      result.verdicts.push_back(verdict);
      if (verdict.chosen) result.chosen.push_back(verdict);
    }
  };
  for (int i = 0; i < count; ++i) {
    take(selector.push(milliseconds(40) * i, frame(i)));
    ck_assert_int_lt(i + 1 - int(result.verdicts.size()), FrameSelector::kMaxHeld);
  }
  take(selector.drain());
  ck_assert_int_eq(int(result.verdicts.size()), count);
  return result;
}

FrameSketch view_of(int number, double sharpness = 10) { return {scene(number), {sharpness, 6, 128}}; }

}  // namespace

START_TEST(each_shot_has_its_sharpest_early_frame) {
  const auto frame = [](int i) { return view_of(i / 50, i % 50 == 9 ? 20 : 10); };
  const Run result = run(FrameSelector(kShotsOnly), 150, frame);
  ck_assert_int_eq(int(result.chosen.size()), 3);
  for (int shot = 0; shot < 3; ++shot) {
    ck_assert_int_eq(int(result.chosen[shot].number), 50 * shot + 9);
    ck_assert_int_eq(result.chosen[shot].shot, shot);
    ck_assert(result.chosen[shot].chosen == SelectReason::kSalient);
    ck_assert(bool(result.verdicts[50 * shot].boundary) == (shot > 0));
  }
}
END_TEST

START_TEST(a_shot_too_short_to_settle_has_a_frame) {
  const auto number = [](int i) { return i < 50 ? 1 : i < 57 ? 2 : 3; };
  const Run result = run(FrameSelector(kShotsOnly), 100, [&](int i) { return view_of(number(i)); });
  ck_assert_int_eq(int(result.chosen.size()), 3);
  ck_assert_int_eq(result.chosen[1].shot, 1);
}
END_TEST

// Its best early frame looks better than all of the shot before it, and is not known to be another shot's at first.
START_TEST(a_short_shot_before_a_sharper_one_has_a_frame) {
  for (int length = 5; length < 20; ++length) {
    const auto frame = [=](int i) { return view_of(i < 50 ? 1 : i < 50 + length ? 2 : 3, i < 50 + length ? 10 : 20); };
    const Run result = run(FrameSelector({.frames = 0, .max_gap = seconds(0), .min_shot = seconds(0)}), 120, frame);
    ck_assert_int_eq(result.verdicts.back().shot, 2);
    ck_assert_int_eq(int(result.chosen.size()), 3);
    for (int shot = 0; shot < 3; ++shot) ck_assert_int_eq(result.chosen[shot].shot, shot);
  }
}
END_TEST

START_TEST(a_change_before_min_shot_is_no_shot) {
  SelectOptions options = kShotsOnly;
  options.min_shot = seconds(1);
  const auto number = [](int i) { return i < 50 ? 1 : i < 60 ? 2 : 3; };
  const Run result = run(FrameSelector(options), 100, [&](int i) { return view_of(number(i)); });
  ck_assert_int_eq(result.verdicts.back().shot, 1);
}
END_TEST

START_TEST(a_known_span_is_covered_evenly) {
  FrameSelector selector({.frames = 10, .max_gap = seconds(0)});
  selector.set_span(seconds(0), seconds(10));
  const Run result = run(std::move(selector), 250, [](int) { return view_of(1); });
  ck_assert_int_eq(int(result.chosen.size()), 10);
  for (int part = 0; part < 10; ++part) ck_assert_int_eq(int(result.chosen[part].time / seconds(1)), part);
  ck_assert(result.chosen[5].chosen == SelectReason::kCoverage);
}
END_TEST

// A cut every 2.5 s, as it is in many films: 24 shots in 60 s, and 30 parts of 2 s.
START_TEST(a_part_that_a_shot_serves_needs_no_other_frame) {
  FrameSelector selector({.frames = 30, .max_gap = seconds(0)});
  selector.set_span(seconds(0), seconds(60));
  const Run result = run(std::move(selector), 1500, [](int i) { return view_of(i * 2 / 125, 10 + i % 7); });
  ck_assert_int_eq(result.verdicts.back().shot, 23);
  std::vector<int> of_shot(24), of_part(30);
  for (const FrameVerdict& verdict : result.chosen) {
    ++of_shot[verdict.shot];
    ++of_part[verdict.time / seconds(2)];
  }
  ck_assert_int_eq(*std::ranges::min_element(of_shot), 1);
  ck_assert_int_eq(*std::ranges::min_element(of_part), 1);
  ck_assert_int_le(int(result.chosen.size()), 32);
}
END_TEST

START_TEST(a_span_of_fewer_frames_than_parts_has_them_all) {
  FrameSelector selector({.frames = 30});
  selector.set_span(seconds(0), milliseconds(200));
  ck_assert_int_eq(int(run(std::move(selector), 5, [](int) { return view_of(1); }).chosen.size()), 5);
}
END_TEST

START_TEST(no_gap_is_longer_than_max_gap) {
  const Run result =
      run(FrameSelector({.frames = 0, .max_gap = seconds(2)}), 500, [](int i) { return view_of(1, 10 + i % 7); });
  ck_assert_int_ge(int(result.chosen.size()), 9);
  for (std::size_t i = 1; i < result.chosen.size(); ++i) {
    ck_assert(result.chosen[i].time - result.chosen[i - 1].time <= seconds(2));
    ck_assert(result.chosen[i].chosen == SelectReason::kInterval);
  }
}
END_TEST

START_TEST(one_frame_is_chosen_as_the_cut_that_it_is) {
  const Run result = run(FrameSelector({}), 1, [](int) { return view_of(1); });
  ck_assert_int_eq(int(result.chosen.size()), 1);
  ck_assert(result.chosen[0].chosen == SelectReason::kCut);
}
END_TEST

START_TEST(it_goes_on_after_a_drain) {
  FrameSelector selector(kShotsOnly);
  int verdicts = 0, chosen = 0;
  for (int i = 0; i < 100; ++i) {
    std::vector<FrameVerdict> some = selector.push(milliseconds(40) * i, view_of(i < 50 ? 1 : 2));
    if (i % 10 == 0) {
      for (const FrameVerdict& verdict : selector.drain()) some.push_back(verdict);
    }
    for (const FrameVerdict& verdict : some) {
      ck_assert_int_eq(int(verdict.number), verdicts++);
      chosen += verdict.chosen.has_value();
    }
  }
  ck_assert_int_eq(verdicts + int(selector.drain().size()), 100);
  ck_assert_int_eq(chosen, 2);
}
END_TEST

int main() {
  return run_suite("frame_selector",
                   {each_shot_has_its_sharpest_early_frame, a_shot_too_short_to_settle_has_a_frame,
                    a_short_shot_before_a_sharper_one_has_a_frame, a_change_before_min_shot_is_no_shot,
                    a_known_span_is_covered_evenly, a_part_that_a_shot_serves_needs_no_other_frame,
                    a_span_of_fewer_frames_than_parts_has_them_all, no_gap_is_longer_than_max_gap,
                    one_frame_is_chosen_as_the_cut_that_it_is, it_goes_on_after_a_drain});
}
