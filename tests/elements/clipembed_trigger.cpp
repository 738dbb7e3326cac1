// Which frames clipembed embeds: clipembed:trigger, with an engine that answers at once. Nothing here depends on
// timing.
#include <gst/video/video.h>

#include <string>
#include <vector>

#include "gst/clipembed.h"
#include "gst/clipmeta/clipmeta.h"
#include "tests/elements/scripted_engine.h"

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include "tests/elements/embed_harness.h"

using clipembed::test::Script;

namespace {

EmbedHarness start_answering(const char* description) {
  Script::instance().immediate = true;
  return start(description);
}

void push_at(EmbedHarness* h, GstClockTime pts) {
  GstBuffer* buffer = new_frame(0);
  GST_BUFFER_PTS(buffer) = pts;
  fail_unless_equals_int(gst_harness_push(h->harness, buffer), GST_FLOW_OK);
}

void push_segment(EmbedHarness* h, double rate, GstClockTime start, GstClockTime stop) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.rate = rate;
  segment.start = segment.time = start;
  segment.stop = stop;
  push_event(h, gst_event_new_segment(&segment));
}

void flush(EmbedHarness* h) {
  push_event(h, gst_event_new_flush_start());
  push_event(h, gst_event_new_flush_stop(TRUE));
}

// Ends the stream and gives the timestamps of the embedded frames, in milliseconds, one after another.
std::string embedded(EmbedHarness* h) {
  push_event(h, gst_event_new_eos());
  std::string times;
  for (;;) {
    GstMessage* message = next_message(h, GST_MESSAGE_ELEMENT);
    const bool summary = gst_structure_has_name(gst_message_get_structure(message), "clip-summary");
    if (!summary) times += std::to_string(message_uint64(message, "timestamp") / GST_MSECOND) + " ";
    gst_message_unref(message);
    if (summary) return times;
  }
}

const char* reason(GstMessage* message) {
  return gst_structure_get_string(gst_message_get_structure(message), "reason");
}

int scene_index(GstMessage* message) {
  gint index = -2;
  gst_structure_get_int(gst_message_get_structure(message), "scene-index", &index);
  return index;
}

void expect_times(EmbedHarness* h, const char* wanted) {
  const std::string times = embedded(h);
  fail_unless_equals_string(times.c_str(), wanted);
}

}  // namespace

START_TEST(an_interval_is_counted_from_the_first_frame_and_does_not_drift) {
  EmbedHarness h = start_answering("clipembed trigger=interval interval=1000000000");
  // 29.97 frames a second from 0.5 s on: the 30th frame is a millisecond behind the second, the 300th ten of them.
  for (int i = 0; i < 400; ++i) {
    push_at(&h, 500 * GST_MSECOND + gst_util_uint64_scale(i, 1001 * GST_SECOND, 30000));
  }
  expect_times(&h, "500 1501 2502 3503 4504 5505 6506 7507 8508 9509 10510 11511 12512 13513 ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_interval_takes_the_first_frame_after_a_gap_and_keeps_its_grid) {
  EmbedHarness h = start_answering("clipembed trigger=interval interval=1000000000");
  for (GstClockTime ms : {0, 400, 999, 1000, 1400, 3700, 3999, 4000, 4001, 5200}) push_at(&h, ms * GST_MSECOND);
  expect_times(&h, "0 1000 3700 4000 5200 ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_interval_starts_anew_after_a_flush) {
  EmbedHarness h = start_answering("clipembed trigger=interval interval=1000000000");
  push_at(&h, 0);
  push_at(&h, 300 * GST_MSECOND);
  gst_message_unref(next_element_message(&h, "clip-embedding"));
  flush(&h);
  push_segment(&h, 1, 0, GST_CLOCK_TIME_NONE);
  for (GstClockTime ms : {700, 1300, 1699, 1700}) push_at(&h, ms * GST_MSECOND);
  expect_times(&h, "700 1700 ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_interval_runs_backwards_with_the_stream) {
  EmbedHarness h = start_answering("clipembed trigger=interval interval=1000000000");
  push_segment(&h, -1, 0, 10 * GST_SECOND);
  for (GstClockTime ms : {5000, 4500, 4001, 4000, 3999, 3100, 2900}) push_at(&h, ms * GST_MSECOND);
  expect_times(&h, "5000 4000 2900 ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(the_interval_may_change_while_playing) {
  EmbedHarness h = start_answering("clipembed trigger=interval interval=1000000000");
  for (GstClockTime ms : {0, 500, 1000}) push_at(&h, ms * GST_MSECOND);
  g_object_set(h.element, "interval", guint64{250 * GST_MSECOND}, nullptr);
  for (GstClockTime ms : {1100, 1250, 1400, 1500}) push_at(&h, ms * GST_MSECOND);
  g_object_set(h.element, "interval", guint64{3600 * GST_SECOND}, nullptr);
  for (GstClockTime ms : {1600, 1750, 3000}) push_at(&h, ms * GST_MSECOND);
  const std::string times = embedded(&h);
  fail_unless(times.starts_with("0 1000 "), "%s", times.c_str());
  fail_unless(times.find(" 1250 ") != std::string::npos && times.find(" 1500 ") != std::string::npos, "%s",
              times.c_str());
  fail_unless(times.find("1750") == std::string::npos && times.find("3000") == std::string::npos, "%s", times.c_str());
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_without_timestamps_have_no_interval_and_one_warning_says_so) {
  EmbedHarness h = start_answering("clipembed trigger=interval");
  push_at(&h, GST_CLOCK_TIME_NONE);
  push_at(&h, GST_CLOCK_TIME_NONE);
  gst_message_unref(next_message(&h, GST_MESSAGE_WARNING));
  fail_unless(no_message(&h, GST_MESSAGE_WARNING));
  expect_times(&h, "");
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 2);
  embed_harness_free(&h);
}
END_TEST

START_TEST(the_frame_after_a_force_key_unit_begins_a_scene) {
  EmbedHarness h = start_answering("clipembed trigger=scene");
  for (guint i = 0; i < 10; ++i) {
    if (i == 3 || i == 7) {
      push_event(&h, gst_video_event_new_downstream_force_key_unit(i * FRAME_DURATION, GST_CLOCK_TIME_NONE,
                                                                   GST_CLOCK_TIME_NONE, FALSE, 0));
    }
    push_frame(&h, i);
  }
  for (guint i : {3, 7}) {
    GstMessage* message = next_element_message(&h, "clip-embedding");
    fail_unless_equals_uint64(message_uint64(message, "frame"), i);
    fail_unless_equals_string(reason(message), "scene");
    fail_unless_equals_int(scene_index(message), i == 3 ? 1 : 2);
    gst_message_unref(message);
  }
  expect_times(&h, "");
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 10);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_marked_frame_is_embedded_for_the_reason_of_its_mark) {
  EmbedHarness h = start_answering("clipembed trigger=marked");
  push_frame(&h, 0);
  GstBuffer* marked = new_frame(1);
  gst_buffer_add_clip_mark_meta(marked, "salient", 4, 0.25, 6.5);
  fail_unless_equals_int(gst_harness_push(h.harness, marked), GST_FLOW_OK);
  push_frame(&h, 2);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_uint64(message_uint64(message, "frame"), 1);
  fail_unless_equals_string(reason(message), "salient");
  fail_unless_equals_int(scene_index(message), 4);
  gdouble score = -1;
  fail_unless(gst_structure_get_double(gst_message_get_structure(message), "score", &score));
  fail_unless_equals_float(score, 0.25);
  gdouble entropy = -1;
  fail_unless(gst_structure_get_double(gst_message_get_structure(message), "entropy", &entropy));
  fail_unless_equals_float(entropy, 6.5);
  gst_message_unref(message);
  expect_times(&h, "");
  embed_harness_free(&h);
}
END_TEST

START_TEST(every_frame_is_embedded_for_the_reason_of_its_mark_where_it_has_one) {
  EmbedHarness h = start_answering("clipembed");
  GstBuffer* marked = new_frame(0);
  gst_buffer_add_clip_mark_meta(marked, "coverage", 4, 0.25, 6.5);
  fail_unless_equals_int(gst_harness_push(h.harness, marked), GST_FLOW_OK);
  push_frame(&h, 1);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_string(reason(message), "coverage");
  fail_unless_equals_int(scene_index(message), 4);
  gst_message_unref(message);
  message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_string(reason(message), "every");
  fail_if(gst_structure_has_field(gst_message_get_structure(message), "score"));
  fail_if(gst_structure_has_field(gst_message_get_structure(message), "entropy"));
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_frame_that_is_not_chosen_is_neither_submitted_nor_held) {
  EmbedHarness h = start("clipembed trigger=marked batch-size=1");
  for (guint i = 0; i < 20; ++i) {
    push_frame(&h, i);
    expect_frame(&h, i);
  }
  fail_unless_equals_int(Script::instance().pending(), 0);
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_that_pass_keep_their_place_behind_one_that_waits) {
  EmbedHarness h = start("clipembed trigger=marked");
  GstBuffer* marked = new_frame(0);
  gst_buffer_add_clip_mark_meta(marked, "cut", 0, GST_CLIP_NO_SCORE, GST_CLIP_NO_ENTROPY);
  gst_harness_push(h.harness, marked);
  for (guint i = 1; i < 4; ++i) push_frame(&h, i);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 0);
  Script::instance().answer();
  for (guint i = 0; i < 4; ++i) expect_frame(&h, i);
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_embedded_frame_carries_what_its_message_says) {
  EmbedHarness h = start_answering("clipembed trigger=marked");
  GstBuffer* marked = new_frame(0);
  gst_buffer_add_clip_mark_meta(marked, "cut", 2, 0.5, 7);
  gst_harness_push(h.harness, marked);
  push_frame(&h, 1);
  GstBuffer* buffer = gst_harness_pull(h.harness);
  const GstClipEmbeddingMeta* meta = gst_buffer_get_clip_embedding_meta(buffer);
  fail_unless(meta != nullptr);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_int(meta->dim, clipembed::test::kDim);
  const gfloat* vector = message_vector(message, clipembed::test::kDim);
  for (guint i = 0; i < meta->dim; ++i) fail_unless_equals_float(meta->embedding[i], vector[i]);
  fail_unless_equals_string(meta->model, "scripted");
  fail_unless_equals_string(meta->reason, "cut");
  fail_unless_equals_int(meta->scene_index, 2);
  fail_unless_equals_float(meta->score, 0.5);
  fail_unless(meta->normalized);
  gst_message_unref(message);
  gst_buffer_unref(buffer);
  buffer = gst_harness_pull(h.harness);
  fail_unless(gst_buffer_get_clip_embedding_meta(buffer) == nullptr);
  gst_buffer_unref(buffer);
  embed_harness_free(&h);
}
END_TEST

START_TEST(metas_can_be_turned_off_while_playing) {
  EmbedHarness h = start_answering("clipembed");
  for (const bool attach : {true, false, true}) {
    g_object_set(h.element, "attach-meta", gboolean{attach}, nullptr);
    push_frame(&h, 0);
    GstBuffer* buffer = gst_harness_pull(h.harness);
    fail_unless((gst_buffer_get_clip_embedding_meta(buffer) != nullptr) == attach);
    gst_buffer_unref(buffer);
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_frame_that_others_hold_is_not_changed_for_them) {
  EmbedHarness h = start_answering("clipembed");
  GstBuffer* mine = new_frame(0);
  gst_harness_push(h.harness, gst_buffer_ref(mine));
  GstBuffer* theirs = gst_harness_pull(h.harness);
  fail_unless(gst_buffer_get_clip_embedding_meta(mine) == nullptr);
  fail_unless(gst_buffer_get_clip_embedding_meta(theirs) != nullptr);
  fail_unless(gst_buffer_peek_memory(mine, 0) == gst_buffer_peek_memory(theirs, 0));  // pixels are not copied
  gst_buffer_unref(mine);
  gst_buffer_unref(theirs);
  embed_harness_free(&h);
}
END_TEST

static Suite* clipembed_trigger_suite() {
  Suite* suite = suite_create("clipembed_trigger");
  TCase* tcase = tcase_create("clipembed_trigger");
  suite_add_tcase(suite, tcase);
  tcase_add_checked_fixture(tcase, Script::reset, nullptr);
  tcase_add_test(tcase, an_interval_is_counted_from_the_first_frame_and_does_not_drift);
  tcase_add_test(tcase, an_interval_takes_the_first_frame_after_a_gap_and_keeps_its_grid);
  tcase_add_test(tcase, an_interval_starts_anew_after_a_flush);
  tcase_add_test(tcase, an_interval_runs_backwards_with_the_stream);
  tcase_add_test(tcase, the_interval_may_change_while_playing);
  tcase_add_test(tcase, frames_without_timestamps_have_no_interval_and_one_warning_says_so);
  tcase_add_test(tcase, the_frame_after_a_force_key_unit_begins_a_scene);
  tcase_add_test(tcase, a_marked_frame_is_embedded_for_the_reason_of_its_mark);
  tcase_add_test(tcase, every_frame_is_embedded_for_the_reason_of_its_mark_where_it_has_one);
  tcase_add_test(tcase, a_frame_that_is_not_chosen_is_neither_submitted_nor_held);
  tcase_add_test(tcase, frames_that_pass_keep_their_place_behind_one_that_waits);
  tcase_add_test(tcase, an_embedded_frame_carries_what_its_message_says);
  tcase_add_test(tcase, metas_can_be_turned_off_while_playing);
  tcase_add_test(tcase, a_frame_that_others_hold_is_not_changed_for_them);
  return suite;
}

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipembed, nullptr);
  return gst_check_run_suite(clipembed_trigger_suite(), "clipembed_trigger", __FILE__);
}
