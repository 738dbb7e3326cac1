/* clipselect: which frames it lets through or marks, and that it loses none of the others. Shots here are pictures of
 * random blocks that stand still. */
#include <gst/video/video.h>

#include "embed_harness.h"
#include "gst/clipmeta/clipmeta.h"

enum { kWidth = 128, kHeight = 96, kShotFrames = 40 };

#define SELECT_CAPS "video/x-raw,format=GRAY8,width=128,height=96,framerate=25/1"

static EmbedHarness start_select(const gchar* description) {
  EmbedHarness h = embed_harness_new(description);
  gst_harness_set_src_caps_str(h.harness, SELECT_CAPS);
  return h;
}

/* The `number`-th frame of a video with a cut every kShotFrames. */
static GstBuffer* shot_frame(guint number) {
  guint8* pixels = g_malloc(kWidth * kHeight);
  GRand* random = g_rand_new_with_seed(1 + number / kShotFrames);
  guint8 blocks[kHeight / 16][kWidth / 16];
  for (guint y = 0; y < kHeight / 16; y++) {
    for (guint x = 0; x < kWidth / 16; x++) blocks[y][x] = (guint8)g_rand_int_range(random, 0, 256);
  }
  g_rand_free(random);
  for (guint y = 0; y < kHeight; y++) {
    for (guint x = 0; x < kWidth; x++) pixels[y * kWidth + x] = blocks[y / 16][x / 16];
  }
  GstBuffer* buffer = gst_buffer_new_wrapped(pixels, kWidth * kHeight);
  GST_BUFFER_PTS(buffer) = number * FRAME_DURATION;
  GST_BUFFER_DURATION(buffer) = FRAME_DURATION;
  return buffer;
}

static void push_shots(EmbedHarness* h, guint frames) {
  for (guint i = 0; i < frames; i++) fail_unless_equals_int(gst_harness_push(h->harness, shot_frame(i)), GST_FLOW_OK);
}

/* The numbers of the frames that have come out, marked ones with an asterisk; transfer full. */
static gchar* received(EmbedHarness* h) {
  GString* numbers = g_string_new(NULL);
  for (GstBuffer* buffer; (buffer = gst_harness_try_pull(h->harness)) != NULL;) {
    const gboolean marked = gst_buffer_get_clip_mark_meta(buffer) != NULL;
    g_string_append_printf(numbers, "%u%s ", (guint)(GST_BUFFER_PTS(buffer) / FRAME_DURATION), marked ? "*" : "");
    gst_buffer_unref(buffer);
  }
  return g_string_free(numbers, FALSE);
}

/* Everything about the video of `shots` shots that came through; transfer full. */
static gchar* chosen_of(const gchar* description, guint shots) {
  EmbedHarness h = start_select(description);
  push_shots(&h, shots * kShotFrames);
  push_event(&h, gst_event_new_eos());
  gchar* numbers = received(&h);
  embed_harness_free(&h);
  return numbers;
}

GST_START_TEST(drop_lets_a_frame_of_each_shot_through) {
  g_autofree gchar* numbers = chosen_of("clipselect", 4);
  g_auto(GStrv) parts = g_strsplit(g_strchomp(numbers), " ", -1);
  guint seen[4] = {0};
  for (guint i = 0; parts[i] != NULL; i++) seen[g_ascii_strtoull(parts[i], NULL, 10) / kShotFrames]++;
  for (guint i = 0; i < 4; i++) fail_unless(seen[i] > 0, "none of shot %u: %s", i, numbers);
  fail_unless(g_strv_length(parts) < 4 * kShotFrames / 2, "%s", numbers);
}
GST_END_TEST

GST_START_TEST(mark_lets_all_frames_through_in_order_and_marks_what_drop_would_choose) {
  g_autofree gchar* dropped = chosen_of("clipselect", 3);
  EmbedHarness h = start_select("clipselect mode=mark");
  push_shots(&h, 3 * kShotFrames);
  push_event(&h, gst_event_new_eos());
  GString* marked = g_string_new(NULL);
  for (guint i = 0; i < 3 * kShotFrames; i++) {
    GstBuffer* buffer = gst_harness_pull(h.harness);
    fail_unless_equals_uint64(GST_BUFFER_PTS(buffer), i * FRAME_DURATION);
    if (gst_buffer_get_clip_mark_meta(buffer) != NULL) g_string_append_printf(marked, "%u* ", i);
    gst_buffer_unref(buffer);
  }
  fail_unless_equals_string(marked->str, dropped);
  g_string_free(marked, TRUE);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(the_same_video_gives_the_same_frames) {
  g_autofree gchar* once = chosen_of("clipselect max-gap=300000000", 3);
  g_autofree gchar* again = chosen_of("clipselect max-gap=300000000", 3);
  fail_unless_equals_string(once, again);
}
GST_END_TEST

GST_START_TEST(no_gap_is_longer_than_max_gap) {
  g_autofree gchar* numbers = chosen_of("clipselect max-gap=400000000", 3);
  g_auto(GStrv) parts = g_strsplit(g_strchomp(numbers), " ", -1);
  guint64 last = 0;
  for (guint i = 0; parts[i] != NULL; i++) {
    const guint64 number = g_ascii_strtoull(parts[i], NULL, 10);
    fail_unless((number - last) * FRAME_DURATION <= 400 * GST_MSECOND, "%s", numbers);
    last = number;
  }
}
GST_END_TEST

GST_START_TEST(each_cut_has_a_key_unit_event_just_before_its_first_frame) {
  EmbedHarness h = start_select("clipselect mode=mark");
  push_shots(&h, 3 * kShotFrames);
  push_event(&h, gst_event_new_eos());
  guint cuts = 0;
  for (GstEvent* event; (event = gst_harness_try_pull_event(h.harness)) != NULL;) {
    GstClockTime timestamp = 0;
    if (gst_video_event_is_force_key_unit(event)) {
      gst_video_event_parse_downstream_force_key_unit(event, &timestamp, NULL, NULL, NULL, NULL);
      fail_unless_equals_uint64(timestamp, ++cuts * kShotFrames * FRAME_DURATION);
    }
    gst_event_unref(event);
  }
  fail_unless_equals_int(cuts, 2);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(a_message_says_why_each_frame_was_chosen) {
  EmbedHarness h = start_select("clipselect");
  push_shots(&h, 2 * kShotFrames);
  push_event(&h, gst_event_new_eos());
  for (GstBuffer* buffer; (buffer = gst_harness_try_pull(h.harness)) != NULL;) {
    GstMessage* message = next_element_message(&h, "clip-select");
    fail_unless_equals_uint64(message_uint64(message, "timestamp"), GST_BUFFER_PTS(buffer));
    const GstClipMarkMeta* mark = gst_buffer_get_clip_mark_meta(buffer);
    const GstStructure* structure = gst_message_get_structure(message);
    fail_unless_equals_string(gst_structure_get_string(structure, "reason"), mark->reason);
    gint scene = -1;
    fail_unless(gst_structure_get_int(structure, "scene-index", &scene));
    fail_unless_equals_int(scene, mark->scene_index);
    fail_unless_equals_int(scene, GST_BUFFER_PTS(buffer) / FRAME_DURATION / kShotFrames);
    gdouble entropy = -1;
    fail_unless(gst_structure_get_double(structure, "entropy", &entropy) && entropy >= 0 && entropy <= 8);
    gst_message_unref(message);
    gst_buffer_unref(buffer);
  }
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(no_more_than_eight_frames_are_held) {
  EmbedHarness h = start_select("clipselect mode=mark");
  for (guint i = 0; i < 60; i++) {
    gst_harness_push(h.harness, shot_frame(i));
    fail_unless(i + 1 - gst_harness_buffers_received(h.harness) <= 8);
  }
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(a_flush_drops_what_is_held_and_starts_anew) {
  EmbedHarness h = start_select("clipselect mode=mark");
  push_shots(&h, 5);
  g_free(received(&h));
  push_event(&h, gst_event_new_flush_start());
  push_event(&h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push_event(&h, gst_event_new_segment(&segment));
  gst_harness_push(h.harness, shot_frame(kShotFrames));
  push_event(&h, gst_event_new_eos());
  g_autofree gchar* numbers = received(&h);
  fail_unless_equals_string(numbers, "40* "); /* the only frame of its stream */
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(caps_may_change_between_frames) {
  EmbedHarness h = start_select("clipselect mode=mark");
  push_shots(&h, 3);
  gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
  fail_unless_equals_int(push_frame(&h, 3), GST_FLOW_OK);
  push_event(&h, gst_event_new_eos());
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 4);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(frames_held_are_part_of_the_latency) {
  EmbedHarness h = start_select("clipselect");
  gst_harness_set_upstream_latency(h.harness, 10 * GST_MSECOND);
  push_shots(&h, 1);
  const GstClockTime latency = gst_harness_query_latency(h.harness);
  fail_unless(latency >= 10 * GST_MSECOND + 3 * FRAME_DURATION, "%" GST_TIME_FORMAT, GST_TIME_ARGS(latency));
  fail_unless(latency <= 10 * GST_MSECOND + 8 * FRAME_DURATION, "%" GST_TIME_FORMAT, GST_TIME_ARGS(latency));
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(a_stream_without_frames_ends) {
  EmbedHarness h = start_select("clipselect");
  skip_stream_start(&h);
  push_event(&h, gst_event_new_eos());
  expect_event(&h, GST_EVENT_EOS);
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR));
  embed_harness_free(&h);
}
GST_END_TEST

static Suite* clipselect_suite(void) {
  Suite* suite = suite_create("clipselect");
  TCase* tcase = tcase_create("clipselect");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, drop_lets_a_frame_of_each_shot_through);
  tcase_add_test(tcase, mark_lets_all_frames_through_in_order_and_marks_what_drop_would_choose);
  tcase_add_test(tcase, the_same_video_gives_the_same_frames);
  tcase_add_test(tcase, no_gap_is_longer_than_max_gap);
  tcase_add_test(tcase, each_cut_has_a_key_unit_event_just_before_its_first_frame);
  tcase_add_test(tcase, a_message_says_why_each_frame_was_chosen);
  tcase_add_test(tcase, no_more_than_eight_frames_are_held);
  tcase_add_test(tcase, a_flush_drops_what_is_held_and_starts_anew);
  tcase_add_test(tcase, caps_may_change_between_frames);
  tcase_add_test(tcase, frames_held_are_part_of_the_latency);
  tcase_add_test(tcase, a_stream_without_frames_ends);
  return suite;
}

GST_CHECK_MAIN(clipselect)
