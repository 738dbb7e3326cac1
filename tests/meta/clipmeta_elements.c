/* Which elements keep the metas, and that unixfdsink and unixfdsrc carry them to another process: this program again,
 * with the socket's path as its argument. */
#include <gst/app/gstappsink.h>
#include <gst/check/gstharness.h>
#include <unistd.h>

#include "tests/meta/sample_metas.h"

static const char* const kKeepers[] = {
    "videoconvert ! capsfilter caps=video/x-raw,format=I420",
    "videoscale ! capsfilter caps=video/x-raw,width=8,height=8",
    "videoconvertscale ! capsfilter caps=video/x-raw,format=NV12,width=8,height=8",
    "videoflip method=clockwise",
    "videocrop left=4",
    "queue",
    "tee name=t t. ! fakesink async=false t. ! queue",
};

START_TEST(an_element_keeps_the_metas) {
  GstHarness* harness = gst_harness_new_parse(kKeepers[_i]);
  gst_harness_set_src_caps_str(harness, "video/x-raw,format=RGB,width=16,height=16,framerate=25/1");
  GstBuffer* frame = gst_harness_create_buffer(harness, 16 * 16 * 3);
  add_samples(frame);
  GstBuffer* out = gst_harness_push_and_pull(harness, frame);
  fail_unless(out && has_samples(out), "%s", kKeepers[_i]);
  gst_buffer_unref(out);
  gst_harness_teardown(harness);
}
END_TEST

static GstPadProbeReturn add_samples_to_frame(G_GNUC_UNUSED GstPad* pad, GstPadProbeInfo* info,
                                              G_GNUC_UNUSED gpointer data) {
  info->data = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  add_samples(info->data);
  return GST_PAD_PROBE_OK;
}

/* One frame, for which unixfdsink waits: with none left to wait for, it cannot miss that it is being stopped, which it
 * does at times (1.26.2 to 1.28). */
START_TEST(metas_cross_processes) {
  GError* error = NULL;
  g_autofree gchar* folder = g_dir_make_tmp("clipmeta-XXXXXX", NULL);
  g_autofree gchar* path = g_build_filename(folder, "socket", NULL);
  GstElement* sender = gst_parse_launch(
      "videotestsrc num-buffers=1 ! video/x-raw,format=GRAY8,width=16,height=16 ! unixfdsink name=sink "
      "wait-for-connection=true",
      &error);
  g_assert_no_error(error);
  GstElement* sink = gst_bin_get_by_name(GST_BIN(sender), "sink");
  g_object_set(sink, "socket-path", path, NULL);
  GstPad* pad = gst_element_get_static_pad(sink, "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, add_samples_to_frame, NULL, NULL);
  fail_if(gst_element_set_state(sender, GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE);

  gchar* receiver[] = {"/proc/self/exe", path, NULL};
  gint status;
  fail_unless(g_spawn_sync(NULL, receiver, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status, &error));
  fail_unless(g_spawn_check_wait_status(status, &error), "receiver: %s", error ? error->message : "");

  gst_element_set_state(sender, GST_STATE_NULL);
  gst_object_unref(pad);
  gst_object_unref(sink);
  gst_object_unref(sender);
  rmdir(folder);
}
END_TEST

/* The other process. 0 where the first frame has the metas. */
static int receive(const gchar* path) {
  gst_clip_embedding_meta_get_info();
  gst_clip_mark_meta_get_info();
  GstElement* receiver = gst_parse_launch("unixfdsrc name=src ! appsink name=sink sync=false", NULL);
  GstElement* src = gst_bin_get_by_name(GST_BIN(receiver), "src");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(receiver), "sink");
  g_object_set(src, "socket-path", path, NULL);
  gst_element_set_state(receiver, GST_STATE_PLAYING);
  GstSample* sample = gst_app_sink_pull_sample(GST_APP_SINK(sink));
  const gboolean arrived = sample && has_samples(gst_sample_get_buffer(sample));
  g_clear_pointer(&sample, gst_sample_unref);
  gst_element_set_state(receiver, GST_STATE_NULL);
  gst_object_unref(src);
  gst_object_unref(sink);
  gst_object_unref(receiver);
  return arrived ? 0 : 1;
}

static Suite* clipmeta_elements_suite(void) {
  Suite* suite = suite_create("clipmeta_elements");
  TCase* tcase = tcase_create("elements");
  suite_add_tcase(suite, tcase);
  tcase_add_loop_test(tcase, an_element_keeps_the_metas, 0, G_N_ELEMENTS(kKeepers));
  tcase_add_test(tcase, metas_cross_processes);
  return suite;
}

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  if (argc > 1) return receive(argv[1]);
  return gst_check_run_suite(clipmeta_elements_suite(), "clipmeta_elements", __FILE__);
}
