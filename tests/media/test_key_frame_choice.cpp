// VideoParts: the arithmetic of parts and gaps.
#include <chrono>  // before check.h, whose fail() is a macro

#include "tests/unit/suite.h"
#include "tools/media/key_frame_choice.h"

namespace {

using namespace clipembed;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

START_TEST(parts_are_equal_and_have_ends) {
  const VideoParts parts(seconds(10), 5);
  ck_assert_uint_eq(parts.part_of(seconds(0)), 0);
  ck_assert_uint_eq(parts.part_of(milliseconds(1999)), 0);
  ck_assert_uint_eq(parts.part_of(seconds(2)), 1);
  ck_assert_uint_eq(parts.part_of(seconds(20)), 4);
  ck_assert_uint_eq(parts.part_of(seconds(-1)), 0);
}
END_TEST

START_TEST(no_gap_where_no_two_frames_are_further_apart_than_two_parts) {
  ck_assert(VideoParts(seconds(10), 5).gaps({seconds(0), seconds(4), seconds(7)}).empty());
}
END_TEST

START_TEST(a_gap_gets_a_frame_a_part) {
  const auto gaps = VideoParts(seconds(12), 6).gaps({seconds(0), seconds(8), seconds(10)});
  ck_assert_uint_eq(gaps.size(), 1);
  ck_assert(gaps[0] == (std::vector<nanoseconds>{seconds(2), seconds(4), seconds(6)}));
}
END_TEST

START_TEST(the_end_and_the_start_have_gaps_too) {
  const auto gaps = VideoParts(seconds(12), 6).gaps({seconds(6)});
  ck_assert_uint_eq(gaps.size(), 2);
  ck_assert(gaps[0].front() < seconds(3));
  ck_assert(gaps[1].back() > seconds(10));
  ck_assert(gaps[1].back() < seconds(12));
}
END_TEST

START_TEST(without_any_frame_all_is_a_gap) {
  const auto gaps = VideoParts(seconds(12), 6).gaps({});
  ck_assert_uint_eq(gaps.size(), 1);
  ck_assert_uint_ge(gaps[0].size(), 6);
}
END_TEST

}  // namespace

int main() {
  return run_suite("key_frame_choice",
                   {parts_are_equal_and_have_ends, no_gap_where_no_two_frames_are_further_apart_than_two_parts,
                    a_gap_gets_a_frame_a_part, the_end_and_the_start_have_gaps_too, without_any_frame_all_is_a_gap});
}
