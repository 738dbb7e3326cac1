/* clipembed starting, failing to start, stopping and seeking, with the real engine and the small checkpoint of
 * tests/data/reference. */
#include <glib/gstdio.h>

#include "embed_harness.h"

/* Tries to start `line`; the text of the error it posts, transfer full. */
static gchar* failed_start(const gchar* line, GQuark domain, gint code) {
  EmbedHarness h = {.element = gst_parse_launch(line, NULL), .bus = gst_bus_new()};
  gst_object_ref_sink(h.element);
  gst_element_set_bus(h.element, h.bus);
  fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gchar* text = expect_error(&h, domain, code);
  gst_element_set_state(h.element, GST_STATE_NULL);
  gst_element_set_bus(h.element, NULL);
  gst_object_unref(h.bus);
  gst_object_unref(h.element);
  return text;
}

static gchar* new_directory(void) {
  gchar* path = g_dir_make_tmp("clipembed-XXXXXX", NULL);
  fail_unless(path != NULL);
  return path;
}

GST_START_TEST(a_missing_directory_is_not_found_and_named) {
  g_autofree gchar* text =
      failed_start("clipembed model=/nowhere/at/all", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless(strstr(text, "/nowhere/at/all") != NULL, "%s", text);
}
GST_END_TEST

GST_START_TEST(a_model_that_is_not_cached_is_not_found_and_says_what_to_run) {
  g_autofree gchar* cache = new_directory();
  g_setenv("HF_HUB_CACHE", cache, TRUE);
  g_autofree gchar* text = failed_start("clipembed", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless(strstr(text, "clipembed model fetch openai/clip-vit-base-patch32") != NULL, "%s", text);
  g_rmdir(cache);
}
GST_END_TEST

GST_START_TEST(a_device_that_is_not_there_is_a_wrong_setting) {
  g_autofree gchar* line = with_model("EMBED device=abacus");
  g_autofree gchar* text = failed_start(line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless(strstr(text, "abacus") != NULL, "%s", text);
}
GST_END_TEST

GST_START_TEST(a_malformed_checkpoint_cannot_be_read_and_its_file_is_named) {
  g_autofree gchar* directory = new_directory();
  g_autofree gchar* config = g_build_filename(directory, "config.json", NULL);
  fail_unless(g_file_set_contents(config, "{", 1, NULL));
  g_autofree gchar* line = g_strdup_printf("clipembed model=%s", directory);
  g_autofree gchar* text = failed_start(line, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);
  fail_unless(strstr(text, config) != NULL, "%s", text);
  g_unlink(config);
  g_rmdir(directory);
}
GST_END_TEST

static guint entries(const gchar* directory) {
  GDir* dir = g_dir_open(directory, 0, NULL);
  guint count = 0;
  while (g_dir_read_name(dir) != NULL) count++;
  g_dir_close(dir);
  return count;
}

/* A thread that has been joined stays listed until the kernel is done with it. */
static void expect_threads(guint at_most) {
  const gint64 deadline = g_get_monotonic_time() + 30 * G_TIME_SPAN_SECOND;
  while (entries("/proc/self/task") > at_most) {
    fail_unless(g_get_monotonic_time() < deadline, "%u threads, %u before", entries("/proc/self/task"), at_most);
    g_thread_yield();
  }
}

GST_START_TEST(two_hundred_starts_and_stops_leave_no_thread_and_no_descriptor) {
  g_autofree gchar* line = with_model("EMBED batch-size=2 threads=2");
  EmbedHarness h = embed_harness_new(line);
  guint threads = 0, descriptors = 0;
  for (guint i = 0; i < 200; i++) {
    fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    fail_unless(gst_harness_push_event(h.harness, gst_event_new_stream_start("again")));
    gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
    for (guint j = 0; j < 3; j++) fail_unless_equals_int(push_frame(&h, j), GST_FLOW_OK);
    expect_frame(&h, 0); /* the others may be in the engine still */
    fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    for (GstBuffer* rest; (rest = gst_harness_try_pull(h.harness)) != NULL;) gst_buffer_unref(rest);
    gst_bus_set_flushing(h.bus, TRUE);
    gst_bus_set_flushing(h.bus, FALSE);
    if (i == 2) { /* by then every library has what it keeps */
      threads = entries("/proc/self/task");
      descriptors = entries("/proc/self/fd");
    }
  }
  expect_threads(threads);
  fail_unless_equals_int(entries("/proc/self/fd"), descriptors);
  embed_harness_free(&h);
}
GST_END_TEST

/* Plays from a clean bus to the end, and stops. */
static void expect_eos(GstElement* pipeline) {
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_bus_set_flushing(bus, TRUE);
  gst_bus_set_flushing(bus, FALSE);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage* last = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless(last != NULL && GST_MESSAGE_TYPE(last) == GST_MESSAGE_EOS);
  gst_message_unref(last);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
}

GST_START_TEST(seeks_and_state_changes_in_any_order_leave_a_working_element) {
  g_autofree gchar* line = with_model("videotestsrc num-buffers=100 ! EMBED batch-size=4 ! fakesink sync=true");
  GstElement* pipeline = gst_parse_launch(line, NULL);
  GRand* random = g_rand_new_with_seed(1);
  for (guint i = 0; i < 60; i++) {
    const gint choice = g_rand_int_range(random, 0, 6);
    if (choice < 3) {
      const GstSeekFlags flags = choice == 0 ? GST_SEEK_FLAG_NONE : GST_SEEK_FLAG_FLUSH;
      gst_element_seek_simple(pipeline, GST_FORMAT_TIME, flags, g_rand_int_range(random, 0, 3) * GST_SECOND);
    } else {
      static const GstState states[] = {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING};
      fail_if(gst_element_set_state(pipeline, states[choice - 3]) == GST_STATE_CHANGE_FAILURE);
    }
  }
  g_rand_free(random);
  fail_unless_equals_int(gst_element_set_state(pipeline, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  expect_eos(pipeline);
  gst_object_unref(pipeline);
}
GST_END_TEST

static gpointer change_states(gpointer pipeline) {
  GRand* random = g_rand_new_with_seed(2);
  for (guint i = 0; i < 100; i++) {
    gst_element_set_state(pipeline, (GstState)g_rand_int_range(random, GST_STATE_NULL, GST_STATE_PLAYING + 1));
  }
  g_rand_free(random);
  return NULL;
}

GST_START_TEST(state_changes_from_several_threads_leave_a_working_element) {
  g_autofree gchar* line = with_model("videotestsrc num-buffers=30 ! EMBED batch-size=4 ! fakesink");
  GstElement* pipeline = gst_parse_launch(line, NULL);
  GThread* threads[3];
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) threads[i] = g_thread_new(NULL, change_states, pipeline);
  for (guint i = 0; i < G_N_ELEMENTS(threads); i++) g_thread_join(threads[i]);
  fail_unless_equals_int(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  expect_eos(pipeline);
  gst_object_unref(pipeline);
}
GST_END_TEST

static Suite* clipembed_states_suite(void) {
  Suite* suite = suite_create("clipembed_states");
  TCase* tcase = tcase_create("clipembed_states");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, a_missing_directory_is_not_found_and_named);
  tcase_add_test(tcase, a_model_that_is_not_cached_is_not_found_and_says_what_to_run);
  tcase_add_test(tcase, a_device_that_is_not_there_is_a_wrong_setting);
  tcase_add_test(tcase, a_malformed_checkpoint_cannot_be_read_and_its_file_is_named);
  tcase_add_test(tcase, two_hundred_starts_and_stops_leave_no_thread_and_no_descriptor);
  tcase_add_test(tcase, seeks_and_state_changes_in_any_order_leave_a_working_element);
  tcase_add_test(tcase, state_changes_from_several_threads_leave_a_working_element);
  return suite;
}

GST_CHECK_MAIN(clipembed_states)
