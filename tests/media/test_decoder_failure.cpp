// A decoder of high rank, as hardware has, fails: at its start or in the middle of a file. Another one takes over,
// nothing is lost, and it is said.
#include <gst/gst.h>

#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/media/embedding.h"
#include "tests/media/failing_decoder.h"
#include "tests/media/video_files.h"
#include "tests/unit/expect.h"
#include "tests/unit/golden.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;

struct Fixture {
  Scratch scratch;
  std::filesystem::path path = scratch.path() / "video.avi";

  Fixture() {
    gst_init(nullptr, nullptr);
    ck_assert(make_three_shots(path, words("-c:v mjpeg -pix_fmt yuvj420p")));
  }
  ~Fixture() { unregister_failing_decoder(); }

  void expect_nothing_lost(const MediaEmbedding& video) {
    unregister_failing_decoder();
    const MediaEmbedding expected = expect_embedding(path);
    ck_assert_str_eq(video.decoder.c_str(), "jpegdec");
    ck_assert_uint_eq(video.frames.size(), expected.frames.size());
    for (std::size_t i = 0; i < expected.frames.size(); ++i) ck_assert(video.frames[i].time == expected.frames[i].time);
    ck_assert_double_ge(cosine(video.vector, expected.vector), 0.999999);
  }
};

START_TEST(a_decoder_of_high_rank_goes_first) {
  Fixture f;
  register_failing_decoder(Failure::kAtFrame, 1000);
  const MediaEmbedding video = expect_embedding(f.path);
  ck_assert_str_eq(video.decoder.c_str(), kFailingDecoder);
  ck_assert_str_eq(video.warning.c_str(), "");
}
END_TEST

START_TEST(one_that_does_not_start_is_replaced) {
  Fixture f;
  register_failing_decoder(Failure::kAtStart, 0);
  const MediaEmbedding video = expect_embedding(f.path);
  ck_assert_int_gt(failing_decoder_starts(), 0);
  f.expect_nothing_lost(video);
}
END_TEST

START_TEST(one_that_fails_at_a_frame_is_replaced) {
  Fixture f;
  register_failing_decoder(Failure::kAtFrame, _i);
  const MediaEmbedding video = expect_embedding(f.path);
  ck_assert_int_gt(failing_decoder_starts(), 0);
  ck_assert_msg(video.warning.find(kFailingDecoder) != std::string::npos, "%s", video.warning.c_str());
  ck_assert_msg(video.warning.find("the device is lost") != std::string::npos, "%s", video.warning.c_str());
  f.expect_nothing_lost(video);
}
END_TEST

START_TEST(one_that_fails_on_key_frames_is_replaced) {
  Fixture f;
  register_failing_decoder(Failure::kAtFrame, 4);
  const MediaEmbedding video = expect_embedding(f.path, {.frames = 6, .sampling = Sampling::kKeyframes});
  ck_assert(video.method == Sampling::kKeyframes);
  ck_assert_str_eq(video.decoder.c_str(), "jpegdec");
  ck_assert(video.warning.find(kFailingDecoder) != std::string::npos);
}
END_TEST

START_TEST(the_next_file_gets_the_decoder_again) {
  Fixture f;
  register_failing_decoder(Failure::kAtFrame, 50);
  expect_embedding(f.path);
  const int starts = failing_decoder_starts();
  expect_embedding(f.path);
  ck_assert_int_gt(failing_decoder_starts(), starts);
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("decoder_failure");
  TCase* frames = tcase_create("frames");
  tcase_set_timeout(frames, 120);
  for (const int frame : {0, 1, 70})
    tcase_add_loop_test(frames, one_that_fails_at_a_frame_is_replaced, frame, frame + 1);
  suite_add_tcase(suite, frames);
  return run_suite(suite, {a_decoder_of_high_rank_goes_first, one_that_does_not_start_is_replaced,
                           one_that_fails_on_key_frames_is_replaced, the_next_file_gets_the_decoder_again});
}
