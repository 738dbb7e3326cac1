// What clipembed tells: its messages field by field, its errors and its latency, with an engine whose answers the test
// gives. Nothing here depends on timing.
#include "gst/embedding_message.h"

#include <cmath>

#include "gst/clipembed.h"
#include "tests/elements/scripted_engine.h"

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include "tests/elements/embed_harness.h"

using clipembed::Error;
using clipembed::test::kDim;
using clipembed::test::Script;

namespace {

Script& script() { return Script::instance(); }

}  // namespace

START_TEST(messages_tell_times_in_the_segment_of_their_frame) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 2 * FRAME_DURATION;
  segment.time = 10 * GST_SECOND;
  segment.base = GST_SECOND;
  push_event(&h, gst_event_new_segment(&segment));
  push_frame(&h, 3);
  expect_frame(&h, 3);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_uint64(message_uint64(message, "timestamp"), 3 * FRAME_DURATION);
  fail_unless_equals_uint64(message_uint64(message, "stream-time"), 10 * GST_SECOND + FRAME_DURATION);
  fail_unless_equals_uint64(message_uint64(message, "running-time"), GST_SECOND + FRAME_DURATION);
  fail_unless_equals_uint64(message_uint64(message, "duration"), FRAME_DURATION);
  fail_unless_equals_uint64(message_uint64(message, "frame"), 0);
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_frame_without_times_is_embedded_and_says_so) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  GstBuffer* buffer = new_frame(0);
  GST_BUFFER_PTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
  fail_unless_equals_int(gst_harness_push(h.harness, buffer), GST_FLOW_OK);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  for (const char* field : {"timestamp", "stream-time", "running-time", "duration"}) {
    fail_unless_equals_uint64(message_uint64(message, field), GST_CLOCK_TIME_NONE);
  }
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(normalize_gives_unit_vectors_and_a_unit_mean) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  for (guint i = 0; i < 2; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_eos());
  for (int i = 0; i < 2; ++i) {
    GstMessage* message = next_element_message(&h, "clip-embedding");
    fail_unless_equals_float(message_vector(message, kDim)[i], 1);
    gst_message_unref(message);
  }
  GstMessage* summary = next_element_message(&h, "clip-summary");
  const gfloat* mean = message_vector(summary, kDim);
  for (int i = 0; i < kDim; ++i) fail_unless(std::abs(mean[i] - (i < 2 ? G_SQRT2 / 2 : 0)) < 1e-6);
  gst_message_unref(summary);
  embed_harness_free(&h);
}
END_TEST

START_TEST(raw_vectors_have_a_plain_mean) {
  script().immediate = true;
  EmbedHarness h = start("clipembed normalize=false");
  for (guint i = 0; i < 2; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_eos());
  for (int i = 0; i < 2; ++i) {
    GstMessage* message = next_element_message(&h, "clip-embedding");
    fail_unless_equals_float(message_vector(message, kDim)[i], 2);
    gst_message_unref(message);
  }
  GstMessage* summary = next_element_message(&h, "clip-summary");
  const gfloat* mean = message_vector(summary, kDim);
  for (int i = 0; i < kDim; ++i) fail_unless_equals_float(mean[i], i < 2 ? 1 : 0);
  gst_message_unref(summary);
  embed_harness_free(&h);
}
END_TEST

START_TEST(the_summary_adds_up_what_was_measured) {
  script().immediate = true;
  script().inference = std::chrono::milliseconds(6);
  script().batch = 2;
  EmbedHarness h = start("clipembed");
  for (guint i = 0; i < 4; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_eos());
  for (int i = 0; i < 4; ++i) gst_message_unref(next_element_message(&h, "clip-embedding"));
  GstMessage* summary = next_element_message(&h, "clip-summary");
  fail_unless_equals_uint64(message_uint64(summary, "count"), 4);
  fail_unless_equals_uint64(message_uint64(summary, "inference-time"), 12 * GST_MSECOND);
  fail_unless_equals_uint64(message_uint64(summary, "batches"), 2);
  gdouble size = 0;
  fail_unless(gst_structure_get_double(gst_message_get_structure(summary), "mean-batch-size", &size));
  fail_unless_equals_float(size, 2);
  gst_message_unref(summary);
  embed_harness_free(&h);
}
END_TEST

START_TEST(eos_without_frames_has_a_summary_of_nothing) {
  EmbedHarness h = start("clipembed");
  push_event(&h, gst_event_new_eos());
  GstMessage* summary = next_element_message(&h, "clip-summary");
  fail_unless_equals_uint64(message_uint64(summary, "count"), 0);
  fail_if(gst_structure_has_field(gst_message_get_structure(summary), "embedding"));
  gst_message_unref(summary);
  embed_harness_free(&h);
}
END_TEST

START_TEST(post_messages_can_be_turned_off_while_playing) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  push_frame(&h, 0);
  expect_frame(&h, 0);
  gst_message_unref(next_element_message(&h, "clip-embedding"));
  g_object_set(h.element, "post-messages", FALSE, nullptr);
  push_frame(&h, 1);
  expect_frame(&h, 1);
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_failed_start_posts_what_failed) {
  const struct {
    Error::Kind kind;
    GQuark domain;
    gint code;
  } cases[] = {
      {Error::Kind::kNotFound, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND},
      {Error::Kind::kSettings, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS},
      {Error::Kind::kFormat, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ},
      {Error::Kind::kLibrary, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT},
      {Error::Kind::kFailed, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED},
  };
  for (const auto& c : cases) {
    EmbedHarness h = embed_harness_new("clipembed");
    gst_element_set_state(h.element, GST_STATE_NULL);
    script().load_error = Error{c.kind, "why"};
    fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    g_autofree gchar* text = expect_error(&h, c.domain, c.code);
    fail_unless_equals_string(text, "why");
    embed_harness_free(&h);
  }
}
END_TEST

START_TEST(latency_is_the_batch_timeout_and_the_longest_inference) {
  script().immediate = true;
  script().inference = std::chrono::milliseconds(8);
  EmbedHarness h = start("clipembed batch-size=4 batch-timeout=50000000");
  gst_harness_set_upstream_latency(h.harness, 10 * GST_MSECOND);
  fail_unless_equals_uint64(gst_harness_query_latency(h.harness), 60 * GST_MSECOND);
  push_frame(&h, 0);
  gst_message_unref(next_message(&h, GST_MESSAGE_LATENCY));
  fail_unless_equals_uint64(gst_harness_query_latency(h.harness), 70 * GST_MSECOND);  // 8 ms and a quarter
  embed_harness_free(&h);
}
END_TEST

START_TEST(single_frames_wait_for_no_batch) {
  EmbedHarness h = start("clipembed batch-size=1");
  fail_unless_equals_uint64(gst_harness_query_latency(h.harness), 0);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_zero_vector_is_normalised_to_itself) {
  float zeros[3] = {};
  clipembed::l2_normalise(zeros);
  for (float zero : zeros) fail_unless_equals_float(zero, 0);
}
END_TEST

static Suite* clipembed_messages_suite() {
  Suite* suite = suite_create("clipembed_messages");
  TCase* tcase = tcase_create("clipembed_messages");
  suite_add_tcase(suite, tcase);
  tcase_add_checked_fixture(tcase, Script::reset, nullptr);
  tcase_add_test(tcase, messages_tell_times_in_the_segment_of_their_frame);
  tcase_add_test(tcase, a_frame_without_times_is_embedded_and_says_so);
  tcase_add_test(tcase, normalize_gives_unit_vectors_and_a_unit_mean);
  tcase_add_test(tcase, raw_vectors_have_a_plain_mean);
  tcase_add_test(tcase, the_summary_adds_up_what_was_measured);
  tcase_add_test(tcase, eos_without_frames_has_a_summary_of_nothing);
  tcase_add_test(tcase, post_messages_can_be_turned_off_while_playing);
  tcase_add_test(tcase, a_failed_start_posts_what_failed);
  tcase_add_test(tcase, latency_is_the_batch_timeout_and_the_longest_inference);
  tcase_add_test(tcase, single_frames_wait_for_no_batch);
  tcase_add_test(tcase, a_zero_vector_is_normalised_to_itself);
  return suite;
}

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipembed, nullptr);
  return gst_check_run_suite(clipembed_messages_suite(), "clipembed_messages", __FILE__);
}
