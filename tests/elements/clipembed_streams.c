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

static GstTracer* leaks_tracer(void) {
  GstTracer* found = NULL;
  GList* tracers = gst_tracing_get_active_tracers();
  for (GList* tracer = tracers; tracer != NULL; tracer = tracer->next) {
    if (g_strcmp0(G_OBJECT_TYPE_NAME(tracer->data), "GstLeaksTracer") == 0) found = gst_object_ref(tracer->data);
  }
  g_list_free_full(tracers, gst_object_unref);
  fail_unless(found != NULL, "no leaks tracer, though main() asks for it");
  return found;
}

/* Names those of GStreamer's objects that the tracer says are alive, but for what GStreamer keeps on purpose, and frees
 * them: the tracer gives its caller their last reference. */
static guint take_leaked_objects(GstTracer* tracer, GString* names) {
  GstStructure* live = NULL;
  g_signal_emit_by_name(tracer, "get-live-objects", &live);
  const GValue* list = gst_structure_get_value(live, "live-objects-list");
  const guint count = gst_value_list_get_size(list);
  for (guint i = 0; i < count; i++) {
    const GstStructure* leak = gst_value_get_structure(gst_value_list_get_value(list, i));
    g_autofree gchar* text = g_strdup_value_contents(gst_structure_get_value(leak, "object"));
    g_string_append_printf(names, "%s\n", text);
  }
  gst_structure_free(live);
  return count;
}

GST_START_TEST(the_leaks_tracer_finds_nothing) {
  GstTracer* tracer = leaks_tracer();
  g_autofree gchar* line = with_model(
      "videotestsrc num-buffers=30 ! video/x-raw,width=64,height=64 ! EMBED augment=flip ! queue ! videoconvert ! "
      "video/x-raw,format=RGB ! videoscale ! video/x-raw,width=32,height=32 ! fakesink");
  GstElement* pipeline = gst_parse_launch(line, NULL);
  GString* names = g_string_new(NULL);
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage* last = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless(last != NULL && GST_MESSAGE_TYPE(last) == GST_MESSAGE_EOS);
  gst_message_unref(last);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  gst_task_cleanup_all();
  GstCaps* on_purpose = gst_caps_new_empty_simple("leaked/on-purpose"); /* shows that the tracer is awake */
  fail_unless(on_purpose != NULL);
  const guint leaked = take_leaked_objects(tracer, names);
  fail_unless(leaked == 1 && strstr(names->str, "leaked/on-purpose") != NULL, "%s", names->str);
  g_string_free(names, TRUE);
  gst_object_unref(tracer);
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

int main(int argc, char** argv) {
  g_setenv("GST_TRACERS", "leaks", TRUE);
  gst_check_init(&argc, &argv);
  return gst_check_run_suite(clipembed_streams_suite(), "clipembed_streams", __FILE__);
}
