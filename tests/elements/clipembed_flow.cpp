// How clipembed moves frames and events, with an engine that answers when the test says so: order, flushes, EOS, flow
// returns, errors. Nothing here depends on timing.
#include <gst/video/video.h>

#include <thread>

#include "gst/clipembed.h"
#include "tests/elements/scripted_engine.h"

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include "tests/elements/embed_harness.h"

using clipembed::Error;
using clipembed::test::Script;

namespace {

Script& script() { return Script::instance(); }

// The harness keeps frames and events apart; this notes in which order they came downstream.
GstPadProbeReturn note_order(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* order = static_cast<GString*>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    g_string_append(order, "frame ");
  } else {
    g_string_append_printf(order, "%s ", GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info)));
  }
  return GST_PAD_PROBE_OK;
}

void probe(EmbedHarness* h, GstPadProbeCallback callback, gpointer data, int types = GST_PAD_PROBE_TYPE_BUFFER) {
  gst_pad_add_probe(h->harness->sinkpad, static_cast<GstPadProbeType>(types), callback, data, nullptr);
}

// Downstream returns `flow` for every frame.
GstPadProbeReturn refuse(GstPad*, GstPadProbeInfo* info, gpointer flow) {
  gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
  info->data = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = static_cast<GstFlowReturn>(GPOINTER_TO_INT(flow));
  return GST_PAD_PROBE_HANDLED;
}

}  // namespace

START_TEST(a_frame_leaves_when_its_embedding_is_there) {
  EmbedHarness h = start("clipembed batch-size=4");
  for (guint i = 0; i < 3; ++i) fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 0);
  for (guint i = 0; i < 3; ++i) {
    script().answer();
    expect_frame(&h, i);
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(serialized_events_keep_their_place_among_frames) {
  EmbedHarness h = start("clipembed batch-size=4");
  g_autoptr(GString) order = g_string_new(nullptr);
  skip_stream_start(&h);
  probe(&h, note_order, order, GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM);
  push_frame(&h, 0);
  push_event(&h, gst_event_new_gap(FRAME_DURATION, FRAME_DURATION));
  push_event(&h, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("mark")));
  push_frame(&h, 2);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=RGB,width=8,height=8,framerate=25/1");
  push_event(&h, gst_event_new_eos());
  for (int i = 0; i < 2; ++i) script().answer();
  expect_event(&h, GST_EVENT_GAP);
  expect_event(&h, GST_EVENT_CUSTOM_DOWNSTREAM);
  expect_event(&h, GST_EVENT_CAPS);
  expect_event(&h, GST_EVENT_SEGMENT);
  expect_event(&h, GST_EVENT_EOS);
  fail_unless_equals_string(order->str, "frame gap custom-downstream frame caps segment eos ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_out_of_band_event_overtakes_waiting_frames) {
  EmbedHarness h = start("clipembed");
  skip_stream_start(&h);
  push_frame(&h, 0);
  push_event(&h, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_OOB, gst_structure_new_empty("now")));
  expect_event(&h, GST_EVENT_CUSTOM_DOWNSTREAM_OOB);
  fail_unless_equals_int(script().pending(), 1);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_serialized_query_reaches_downstream_after_the_frames_before_it) {
  EmbedHarness h = start("clipembed");
  push_frame(&h, 0);
  std::thread engine([] {
    script().wait_for_flush();  // the query does not wait for a full batch
    script().answer();
  });
  g_autoptr(GString) order = g_string_new(nullptr);
  probe(&h, note_order, order);
  GstQuery* query = gst_query_new_drain();
  gst_pad_peer_query(h.harness->srcpad, query);
  fail_unless_equals_string(order->str, "frame ");
  gst_query_unref(query);
  engine.join();
  embed_harness_free(&h);
}
END_TEST

// The smallest number of buffers of the only pool that the query names.
static guint pool_minimum(EmbedHarness* h) {
  GstCaps* caps = gst_caps_from_string(FRAME_CAPS);
  GstQuery* query = gst_query_new_allocation(caps, TRUE);
  gst_pad_peer_query(h->harness->srcpad, query);
  fail_unless_equals_int(gst_query_get_n_allocation_pools(query), 1);
  guint size = 0, min = 0;
  gst_query_parse_nth_allocation_pool(query, 0, nullptr, &size, &min, nullptr);
  fail_unless_equals_int(size, FRAME_SIZE);
  gst_query_unref(query);
  gst_caps_unref(caps);
  return min;
}

static GstPadProbeReturn propose_a_pool(GstPad*, GstPadProbeInfo* info, gpointer) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  gst_query_add_allocation_pool(query, nullptr, FRAME_SIZE, 3, 10);
  return GST_PAD_PROBE_HANDLED;
}

START_TEST(upstream_allocates_as_many_buffers_more_as_are_held) {
  EmbedHarness h = start("clipembed batch-size=2");
  fail_unless_equals_int(pool_minimum(&h), 4);
  probe(&h, propose_a_pool, nullptr, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM);
  fail_unless_equals_int(pool_minimum(&h), 3 + 4);
  embed_harness_free(&h);
}
END_TEST

static GstPadProbeReturn offer_metas(GstPad*, GstPadProbeInfo* info, gpointer) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ALLOCATION) return GST_PAD_PROBE_OK;
  gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr);
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  return GST_PAD_PROBE_HANDLED;
}

START_TEST(upstream_may_use_strides_that_downstream_takes_but_has_to_crop_by_itself) {
  EmbedHarness h = start("clipembed");
  probe(&h, offer_metas, nullptr, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM);
  GstCaps* caps = gst_caps_from_string(FRAME_CAPS);
  GstQuery* query = gst_query_new_allocation(caps, TRUE);
  fail_unless(gst_pad_peer_query(h.harness->srcpad, query));
  fail_unless_equals_int(gst_query_get_n_allocation_metas(query), 1);
  fail_unless(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr));
  gst_query_unref(query);
  gst_caps_unref(caps);
  embed_harness_free(&h);
}
END_TEST

START_TEST(no_more_than_two_batches_are_held) {
  EmbedHarness h = start("clipembed batch-size=2");
  std::thread upstream([&h] {
    for (guint i = 0; i < 10; ++i) fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);
  });
  for (guint i = 0; i < 10; ++i) {
    script().wait_for_pending(1);
    fail_unless(script().pending() <= 4);
    script().answer();
    expect_frame(&h, i);
  }
  upstream.join();
  embed_harness_free(&h);
}
END_TEST

START_TEST(eos_flushes_a_part_filled_batch_and_comes_last) {
  EmbedHarness h = start("clipembed batch-size=8");
  skip_stream_start(&h);
  for (guint i = 0; i < 3; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_eos());
  script().wait_for_flush();
  for (int i = 0; i < 3; ++i) script().answer();
  expect_event(&h, GST_EVENT_EOS);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 3);
  for (int i = 0; i < 3; ++i) gst_message_unref(next_element_message(&h, "clip-embedding"));
  gst_message_unref(next_element_message(&h, "clip-summary"));
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_new_stream_after_eos_starts_anew) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  push_frame(&h, 0);
  push_event(&h, gst_event_new_eos());
  fail_unless_equals_int(push_frame(&h, 1), GST_FLOW_EOS);
  push_event(&h, gst_event_new_stream_start("another"));
  gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
  fail_unless_equals_int(push_frame(&h, 0), GST_FLOW_OK);
  push_event(&h, gst_event_new_eos());
  for (int i = 0; i < 2; ++i) {
    GstMessage* message = next_element_message(&h, "clip-embedding");
    fail_unless_equals_uint64(message_uint64(message, "frame"), 0);
    gst_message_unref(message);
    message = next_element_message(&h, "clip-summary");
    fail_unless_equals_uint64(message_uint64(message, "count"), 1);
    gst_message_unref(message);
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_flush_drops_what_waits_and_starts_anew) {
  EmbedHarness h = start("clipembed");
  for (guint i = 0; i < 3; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_flush_start());
  fail_unless_equals_int(script().pending(), 0);
  push_event(&h, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push_event(&h, gst_event_new_segment(&segment));
  fail_unless_equals_int(push_frame(&h, 7), GST_FLOW_OK);
  script().answer();
  expect_frame(&h, 7);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 1);
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_uint64(message_uint64(message, "frame"), 0);
  gst_message_unref(message);
  fail_unless(no_message(&h, GST_MESSAGE_ERROR));
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_flush_keeps_dropped_caps_and_tags) {
  EmbedHarness h = start("clipembed");
  push_frame(&h, 0);
  push_event(&h, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "kept", nullptr)));
  push_event(&h, gst_event_new_flush_start());
  push_event(&h, gst_event_new_flush_stop(TRUE));
  GstPad* srcpad = gst_element_get_static_pad(h.element, "src");
  GstEvent* tag = gst_pad_get_sticky_event(srcpad, GST_EVENT_TAG, 0);
  fail_unless(tag != nullptr);
  gst_event_unref(tag);
  gst_object_unref(srcpad);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_flush_releases_an_upstream_that_waits_for_room) {
  EmbedHarness h = start("clipembed batch-size=1");
  GstFlowReturn flow = GST_FLOW_OK;
  std::thread upstream([&] { flow = push_until_refused(&h); });
  script().wait_for_pending(2);
  push_event(&h, gst_event_new_flush_start());
  upstream.join();
  fail_unless_equals_int(flow, GST_FLOW_FLUSHING);
  embed_harness_free(&h);
}
END_TEST

START_TEST(stopping_releases_an_upstream_that_waits_for_room) {
  EmbedHarness h = start("clipembed batch-size=1");
  GstFlowReturn flow = GST_FLOW_OK;
  std::thread upstream([&] { flow = push_until_refused(&h); });
  script().wait_for_pending(2);
  fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  upstream.join();
  fail_unless_equals_int(flow, GST_FLOW_FLUSHING);
  embed_harness_free(&h);
}
END_TEST

START_TEST(downstream_errors_reach_upstream) {
  script().immediate = true;
  for (GstFlowReturn why : {GST_FLOW_ERROR, GST_FLOW_NOT_NEGOTIATED, GST_FLOW_FLUSHING, GST_FLOW_NOT_LINKED,
                            GST_FLOW_EOS, GST_FLOW_CUSTOM_ERROR}) {
    EmbedHarness h = start("clipembed");
    probe(&h, refuse, GINT_TO_POINTER(why));
    fail_unless_equals_int(push_until_refused(&h), why);
    fail_unless(no_message(&h, GST_MESSAGE_ERROR));  // upstream will say it
    embed_harness_free(&h);
  }
}
END_TEST

START_TEST(a_downstream_error_after_eos_is_posted) {
  EmbedHarness h = start("clipembed");
  probe(&h, refuse, GINT_TO_POINTER(GST_FLOW_ERROR));
  push_frame(&h, 0);
  push_event(&h, gst_event_new_eos());
  script().answer();
  g_free(expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  embed_harness_free(&h);
}
END_TEST

START_TEST(eos_from_downstream_ends_with_the_next_segment) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  const gulong id =
      gst_pad_add_probe(h.harness->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, refuse, GINT_TO_POINTER(GST_FLOW_EOS), nullptr);
  fail_unless_equals_int(push_until_refused(&h), GST_FLOW_EOS);
  gst_pad_remove_probe(h.harness->sinkpad, id);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push_event(&h, gst_event_new_segment(&segment));
  fail_unless_equals_int(push_frame(&h, 5), GST_FLOW_OK);
  expect_frame(&h, 5);
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_flow_again_after_a_relink) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  const gulong id = gst_pad_add_probe(h.harness->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, refuse,
                                      GINT_TO_POINTER(GST_FLOW_NOT_LINKED), nullptr);
  fail_unless_equals_int(push_until_refused(&h), GST_FLOW_NOT_LINKED);
  gst_pad_remove_probe(h.harness->sinkpad, id);
  fail_unless(gst_harness_push_upstream_event(h.harness, gst_event_new_reconfigure()));
  fail_unless_equals_int(push_frame(&h, 9), GST_FLOW_OK);
  GstBuffer* frame = gst_harness_pull(h.harness);  // what waited for the relink comes first
  fail_unless(frame != nullptr);
  gst_clear_buffer(&frame);
  embed_harness_free(&h);
}
END_TEST

START_TEST(failed_inference_is_an_error_and_downstream_gets_eos) {
  EmbedHarness h = start("clipembed");
  skip_stream_start(&h);
  push_frame(&h, 0);
  script().answer_with({Error::Kind::kFailed, "the tower fell"});
  g_autofree gchar* text = expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED);
  fail_unless_equals_string(text, "the tower fell");
  expect_event(&h, GST_EVENT_EOS);
  fail_unless_equals_int(push_until_refused(&h), GST_FLOW_ERROR);
  gst_harness_push_event(h.harness, gst_event_new_eos());
  fail_unless(no_message(&h, GST_MESSAGE_ERROR));  // once is enough
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_buffer_smaller_than_its_caps_is_an_error) {
  EmbedHarness h = start("clipembed");
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, FRAME_SIZE - 1, nullptr);
  fail_unless_equals_int(gst_harness_push(h.harness, buffer), GST_FLOW_ERROR);
  g_free(expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  embed_harness_free(&h);
}
END_TEST

START_TEST(caps_queries_pass_through) {
  EmbedHarness h = embed_harness_new("clipembed");
  gst_harness_set_sink_caps_str(h.harness, "video/x-raw,format=NV12,width=640,height=480,framerate=30/1");
  GstCaps* filter = gst_caps_from_string("video/x-raw,format={NV12,P010_10LE},width=[1,1000]");
  GstCaps* caps = gst_pad_peer_query_caps(h.harness->srcpad, filter);
  g_autofree gchar* text = gst_caps_to_string(caps);
  fail_unless_equals_string(
      text, "video/x-raw, format=(string)NV12, width=(int)640, height=(int)480, framerate=(fraction)30/1");
  gst_caps_unref(caps);
  gst_caps_unref(filter);
  embed_harness_free(&h);
}
END_TEST

#ifdef TAKE_CUDA_MEMORY
// System memory stands for CUDA memory here, which is mapped by the same call.
START_TEST(frames_in_cuda_memory_are_taken) {
  script().immediate = true;
  EmbedHarness h = embed_harness_new("clipembed");
  gst_harness_set_src_caps_str(h.harness,
                               "video/x-raw(memory:CUDAMemory),format=GRAY8,width=16,height=16,framerate=25/1");
  fail_unless_equals_int(push_frame(&h, 7), GST_FLOW_OK);
  expect_frame(&h, 7);
  gst_message_unref(next_element_message(&h, "clip-embedding"));
  embed_harness_free(&h);
}
END_TEST
#endif

START_TEST(frames_in_unknown_memory_are_refused) {
  EmbedHarness h = embed_harness_new("clipembed");
  gst_harness_set_src_caps_str(h.harness, "video/x-raw(memory:Other),format=GRAY8,width=16,height=16,framerate=25/1");
  fail_unless_equals_int(push_frame(&h, 0), GST_FLOW_NOT_NEGOTIATED);
  embed_harness_free(&h);
}
END_TEST

static Suite* clipembed_flow_suite() {
  Suite* suite = suite_create("clipembed_flow");
  TCase* tcase = tcase_create("flow");
  suite_add_tcase(suite, tcase);
  tcase_add_checked_fixture(tcase, Script::reset, nullptr);
  tcase_add_test(tcase, a_frame_leaves_when_its_embedding_is_there);
  tcase_add_test(tcase, serialized_events_keep_their_place_among_frames);
  tcase_add_test(tcase, an_out_of_band_event_overtakes_waiting_frames);
  tcase_add_test(tcase, a_serialized_query_reaches_downstream_after_the_frames_before_it);
  tcase_add_test(tcase, upstream_allocates_as_many_buffers_more_as_are_held);
  tcase_add_test(tcase, upstream_may_use_strides_that_downstream_takes_but_has_to_crop_by_itself);
  tcase_add_test(tcase, no_more_than_two_batches_are_held);
  tcase_add_test(tcase, eos_flushes_a_part_filled_batch_and_comes_last);
  tcase_add_test(tcase, a_new_stream_after_eos_starts_anew);
  tcase_add_test(tcase, a_flush_drops_what_waits_and_starts_anew);
  tcase_add_test(tcase, a_flush_keeps_dropped_caps_and_tags);
  tcase_add_test(tcase, a_flush_releases_an_upstream_that_waits_for_room);
  tcase_add_test(tcase, stopping_releases_an_upstream_that_waits_for_room);
  tcase_add_test(tcase, downstream_errors_reach_upstream);
  tcase_add_test(tcase, a_downstream_error_after_eos_is_posted);
  tcase_add_test(tcase, eos_from_downstream_ends_with_the_next_segment);
  tcase_add_test(tcase, frames_flow_again_after_a_relink);
  tcase_add_test(tcase, failed_inference_is_an_error_and_downstream_gets_eos);
  tcase_add_test(tcase, a_buffer_smaller_than_its_caps_is_an_error);
  tcase_add_test(tcase, caps_queries_pass_through);
#ifdef TAKE_CUDA_MEMORY
  tcase_add_test(tcase, frames_in_cuda_memory_are_taken);
#endif
  tcase_add_test(tcase, frames_in_unknown_memory_are_refused);
  return suite;
}

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipembed, nullptr);
  return gst_check_run_suite(clipembed_flow_suite(), "clipembed_flow", __FILE__);
}
