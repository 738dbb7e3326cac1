// PicturePipeline: every picture is answered exactly once, also when the pipeline does not start or is taken down.
#include <gst/gst.h>

#include <atomic>
#include <fstream>  // before check.h, whose fail() is a macro
#include <future>

#include "tests/cli/image_files.h"
#include "tests/cli/program.h"
#include "tests/unit/expect.h"
#include "tests/unit/suite.h"
#include "tools/media/picture_pipeline.h"

namespace {

using namespace clipembed;

StillImage make_image() { return {.pixels = make_gradient(64, 64), .lease = {}}; }

START_TEST(a_pipeline_that_does_not_start_fails_each_picture_with_the_cause) {
  gst_init(nullptr, nullptr);
  PicturePipeline pipeline({.model = "/no/such/model"});
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    pipeline.embed(make_image(), [&](const Result<MediaEmbedding>& result) {
      ++answers;
      expect_error(result, Error::Kind::kFailed, {"/no/such/model"});
    });
  }
  ck_assert_int_eq(answers, 3);
}
END_TEST

START_TEST(every_picture_is_answered_once_when_the_pipeline_goes) {
  gst_init(nullptr, nullptr);
  std::atomic<int> answers = 0;
  {
    PicturePipeline pipeline({.model = reference_model("model-a"), .precision = "fp32"});
    for (int i = 0; i < 100; ++i)
      pipeline.embed(make_image(), [&answers](const Result<MediaEmbedding>&) { ++answers; });
  }
  ck_assert_int_eq(answers, 100);
}
END_TEST

START_TEST(finish_does_not_wait_for_a_full_batch_and_loses_nothing) {
  gst_init(nullptr, nullptr);
  std::promise<std::size_t> dim;
  PicturePipeline pipeline({.model = reference_model("model-a"), .precision = "fp32"});
  pipeline.embed(make_image(),
                 [&dim](Result<MediaEmbedding> result) { dim.set_value(result ? result->vector.size() : 0); });
  pipeline.finish();
  ck_assert_uint_eq(dim.get_future().get(), 512);
}
END_TEST

}  // namespace

int main() {
  return run_suite("picture_pipeline", {a_pipeline_that_does_not_start_fails_each_picture_with_the_cause,
                                        every_picture_is_answered_once_when_the_pipeline_goes,
                                        finish_does_not_wait_for_a_full_batch_and_loses_nothing});
}
