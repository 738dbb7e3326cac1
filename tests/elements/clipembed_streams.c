/* Many streams in one process: they share the engine and its batches, and nothing else. With a real model. */
#include "embed_harness.h"

enum { kStreams = 8 };

/* None of them would have a batch by itself within the time of any test. */
static void start_streams(EmbedHarness streams[kStreams]) {
  g_autofree gchar* line = with_model("EMBED batch-size=8 batch-timeout=3600000000000");
  for (guint i = 0; i < kStreams; i++) streams[i] = start(line);
}

static void stop_streams(EmbedHarness streams[kStreams]) {
  for (guint i = 0; i < kStreams; i++) embed_harness_free(&streams[i]);
}

GST_START_TEST(a_frame_of_each_of_eight_streams_makes_a_batch) {
  EmbedHarness streams[kStreams];
  start_streams(streams);
  for (guint round = 0; round < 3; round++) {
    for (guint i = 0; i < kStreams; i++) fail_unless_equals_int(push_frame(&streams[i], round), GST_FLOW_OK);
    for (guint i = 0; i < kStreams; i++) expect_frame(&streams[i], round);
  }
  stop_streams(streams);
}
GST_END_TEST

GST_START_TEST(a_stream_that_fails_disturbs_no_other) {
  EmbedHarness streams[kStreams];
  start_streams(streams);
  GstBuffer* short_frame = gst_buffer_new_allocate(NULL, 1, NULL);
  fail_unless_equals_int(gst_harness_push(streams[0].harness, short_frame), GST_FLOW_ERROR);
  g_free(expect_error(&streams[0], GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  for (guint i = 1; i < kStreams; i++) push_frame(&streams[i], 0);
  push_frame(&streams[1], 1); /* the eighth picture */
  for (guint i = 1; i < kStreams; i++) expect_frame(&streams[i], 0);
  for (guint i = 1; i < kStreams; i++) fail_unless(no_message(&streams[i], GST_MESSAGE_ERROR));
  stop_streams(streams);
}
GST_END_TEST

GST_START_TEST(a_stream_that_stops_with_frames_in_the_engine_disturbs_no_other) {
  EmbedHarness streams[kStreams];
  start_streams(streams);
  for (guint i = 0; i < kStreams - 1; i++) push_frame(&streams[i], 0);
  fail_unless_equals_int(gst_element_set_state(streams[0].element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  push_frame(&streams[1], 1);
  push_frame(&streams[2], 1); /* eight again, without that of the stream that has stopped */
  for (guint i = 1; i < kStreams - 1; i++) expect_frame(&streams[i], 0);
  stop_streams(streams);
}
GST_END_TEST

/* GStreamer's leaks tracer in a process of its own, as it lists at gst_deinit() what is still alive. */
GST_START_TEST(the_leaks_tracer_finds_nothing) {
  g_autofree gchar* line = with_model(
      "videotestsrc num-buffers=30 ! video/x-raw,width=64,height=64 ! EMBED augment=flip ! queue ! videoconvert ! "
      "video/x-raw,format=RGB ! videoscale ! video/x-raw,width=32,height=32 ! fakesink");
  g_autofree gchar* command = g_strconcat("gst-launch-1.0 -q ", line, NULL);
  gint argc = 0;
  g_auto(GStrv) argv = NULL;
  g_autoptr(GError) error = NULL;
  fail_unless(g_shell_parse_argv(command, &argc, &argv, &error));
  g_auto(GStrv) env = g_get_environ();
  env = g_environ_setenv(env, "GST_TRACERS", "leaks(check-refs=true)", TRUE);
  env = g_environ_setenv(env, "GST_DEBUG", "GST_TRACER:7", TRUE);
  env = g_environ_setenv(env, "GST_DEBUG_NO_COLOR", "1", TRUE);
  g_autofree gchar* log = NULL;
  gint status = -1;
  fail_unless(g_spawn_sync(NULL, argv, env, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &log, &status, &error), "%s",
              error ? error->message : "");
  fail_unless(g_spawn_check_wait_status(status, NULL), "%s", log);
  fail_unless(strstr(log, "GST_TRACER") != NULL, "the tracer said nothing: %s", log);
  fail_unless(strstr(log, "object-alive, type-name=(string)G") == NULL, "%s", log);
}
GST_END_TEST

static Suite* clipembed_streams_suite(void) {
  Suite* suite = suite_create("clipembed_streams");
  TCase* tcase = tcase_create("clipembed_streams");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, a_frame_of_each_of_eight_streams_makes_a_batch);
  tcase_add_test(tcase, a_stream_that_fails_disturbs_no_other);
  tcase_add_test(tcase, a_stream_that_stops_with_frames_in_the_engine_disturbs_no_other);
  tcase_add_test(tcase, the_leaks_tracer_finds_nothing);
  return suite;
}

GST_CHECK_MAIN(clipembed_streams)
