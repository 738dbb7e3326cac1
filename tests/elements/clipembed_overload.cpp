// clipembed:overload=skip, engines that go away, and augmentation: what becomes of frames for which there is no room,
// with an engine whose answers the test gives. Nothing here depends on timing.
#include <gst/video/video.h>

#include <string>
#include <vector>

#include "gst/clipembed.h"
#include "gst/clipmeta/clipmeta.h"
#include "tests/elements/scripted_engine.h"

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include "tests/elements/embed_harness.h"

using clipembed::Error;
using clipembed::SessionOptions;
using clipembed::test::kDim;
using clipembed::test::Script;

namespace {

Script& script() { return Script::instance(); }

guint64 stat(EmbedHarness* h, const char* name) {
  GstStructure* stats = nullptr;
  g_object_get(h->element, "stats", &stats, nullptr);
  guint64 value = 0;
  fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
  gst_structure_free(stats);
  return value;
}

// The next frame downstream is the `number`-th; whether it carries an embedding.
bool next_has_embedding(EmbedHarness* h, guint number) {
  GstBuffer* buffer = gst_harness_pull(h->harness);
  fail_unless_equals_uint64(GST_BUFFER_PTS(buffer), number * FRAME_DURATION);
  const bool has = gst_buffer_get_clip_embedding_meta(buffer) != nullptr;
  gst_buffer_unref(buffer);
  return has;
}

bool is_late(GstMessage* message) {
  gboolean late = FALSE;
  fail_unless(gst_structure_get_boolean(gst_message_get_structure(message), "late", &late));
  return late;
}

}  // namespace

START_TEST(a_frame_never_waits_for_more_than_two_others) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1");
  for (guint i = 0; i < 10; ++i) {
    fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);  // the engine answers nothing at all
    if (i >= 2) fail_unless(!next_has_embedding(&h, i - 2));
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_embedding_that_is_there_in_time_goes_with_its_frame) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1");
  for (guint i = 0; i < 5; ++i) {
    push_frame(&h, i);
    script().answer();
    fail_unless(next_has_embedding(&h, i));
    GstMessage* message = next_element_message(&h, "clip-embedding");
    fail_unless(!is_late(message));
    gst_message_unref(message);
  }
  fail_unless_equals_uint64(stat(&h, "embedded"), 5);
  fail_unless_equals_uint64(stat(&h, "skipped") + stat(&h, "late"), 0);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_late_embedding_is_posted_for_its_own_frame) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1");
  for (guint i = 0; i < 4; ++i) push_frame(&h, i);
  fail_unless(!next_has_embedding(&h, 0));
  script().answer();
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless(is_late(message));
  fail_unless_equals_uint64(message_uint64(message, "frame"), 0);
  fail_unless_equals_uint64(message_uint64(message, "timestamp"), 0);
  gst_message_unref(message);
  fail_unless_equals_uint64(stat(&h, "late"), 1);
  embed_harness_free(&h);
}
END_TEST

// An hour at 30 frames a second; the model is done with a frame when six more have come.
START_TEST(an_hour_of_a_stream_six_times_too_fast_is_never_held_up) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1 post-messages=false");
  skip_stream_start(&h);
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr guint kFrames = 300 * 30;  // everything takes up to fifty times as long
#else
  constexpr guint kFrames = 3600 * 30;
#endif
  for (guint i = 0; i < kFrames; ++i) {
    gst_bus_set_flushing(h.bus, i % 1000 == 0);  // forgets the QoS messages
    if (i > 0 && i % 6 == 0) script().answer();
    fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);
    if (i >= 2) gst_buffer_unref(gst_harness_pull(h.harness));
    fail_unless(script().pending() <= 2);
  }
  fail_unless_equals_uint64(stat(&h, "frames"), kFrames);
  while (script().pending() > 0) script().answer();
  for (int i = 0; i < 2; ++i) gst_buffer_unref(gst_harness_pull(h.harness));
  push_event(&h, gst_event_new_eos());
  expect_event(&h, GST_EVENT_EOS);
  const guint64 embedded = stat(&h, "embedded") + stat(&h, "late");
  fail_unless_equals_uint64(embedded + stat(&h, "skipped"), kFrames);
  fail_unless(embedded >= kFrames / 6, "%" G_GUINT64_FORMAT, embedded);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_skipped_frame_has_a_qos_message) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1");
  for (guint i = 0; i < 5; ++i) push_frame(&h, i);
  for (guint i = 0; i < 3; ++i) fail_unless(!next_has_embedding(&h, i));
  GstMessage* message = next_message(&h, GST_MESSAGE_QOS);
  guint64 running = 0, timestamp = 0, processed = 0, dropped = 0;
  GstFormat format;
  gst_message_parse_qos(message, nullptr, &running, nullptr, &timestamp, nullptr);
  gst_message_parse_qos_stats(message, &format, &processed, &dropped);
  fail_unless_equals_uint64(timestamp, 2 * FRAME_DURATION);  // two were taken
  fail_unless_equals_uint64(running, 2 * FRAME_DURATION);
  fail_unless_equals_int(format, GST_FORMAT_BUFFERS);
  fail_unless_equals_uint64(dropped, 1);
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(eos_waits_for_what_the_engine_has_and_the_summary_counts_it) {
  EmbedHarness h = start("clipembed overload=skip batch-size=2");
  for (guint i = 0; i < 6; ++i) push_frame(&h, i);
  push_event(&h, gst_event_new_eos());
  script().answer();
  script().answer();
  GstMessage* message = nullptr;
  do {
    if (message) gst_message_unref(message);
    message = next_message(&h, GST_MESSAGE_ELEMENT);
  } while (!gst_structure_has_name(gst_message_get_structure(message), "clip-summary"));
  fail_unless_equals_uint64(message_uint64(message, "count"), 2);
  fail_unless_equals_uint64(message_uint64(message, "skipped"), 4);
  gst_message_unref(message);
  for (guint i = 0; i < 6; ++i) next_has_embedding(&h, i);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_flush_forgets_late_embeddings) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1");
  for (guint i = 0; i < 4; ++i) push_frame(&h, i);
  for (guint i = 0; i < 4; ++i) fail_unless(!next_has_embedding(&h, i));
  push_event(&h, gst_event_new_flush_start());
  push_event(&h, gst_event_new_flush_stop(TRUE));
  fail_unless_equals_uint64(stat(&h, "late"), 0);
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  push_event(&h, gst_event_new_segment(&segment));
  push_frame(&h, 9);
  script().answer();
  fail_unless(next_has_embedding(&h, 9));
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_interval_that_found_no_room_takes_its_next_frame) {
  EmbedHarness h = start("clipembed overload=skip batch-size=1 trigger=interval interval=400000000");
  for (guint i = 0; i < 40; ++i) {
    if (i == 35) script().answer();  // of frames 0 and 10; 20 and 30 and what followed them found no room
    push_frame(&h, i);
  }
  gst_message_unref(next_element_message(&h, "clip-embedding"));
  script().answer();
  script().answer();
  gst_message_unref(next_element_message(&h, "clip-embedding"));
  GstMessage* message = next_element_message(&h, "clip-embedding");
  fail_unless_equals_uint64(message_uint64(message, "frame"), 35);
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_scene_whose_frame_was_refused_is_embedded_by_its_next_frame) {
  EmbedHarness h = start("clipembed overload=skip trigger=scene");
  push_event(&h, gst_video_event_new_downstream_force_key_unit(0, 0, 0, FALSE, 0));
  script().refusal = Error{Error::Kind::kUnavailable, "the server has gone"};
  push_frame(&h, 0);
  fail_unless(!next_has_embedding(&h, 0));
  script().refusal.reset();
  script().immediate = true;
  push_frame(&h, 1);
  fail_unless(next_has_embedding(&h, 1));
  push_frame(&h, 2);
  fail_unless(!next_has_embedding(&h, 2));
  embed_harness_free(&h);
}
END_TEST

START_TEST(skip_refuses_and_block_waits_for_an_engine_that_has_gone) {
  for (const bool skip : {true, false}) {
    EmbedHarness h = start(skip ? "clipembed overload=skip" : "clipembed");
    fail_unless((script().session_options.outage == SessionOptions::Outage::kFail) == skip);
    embed_harness_free(&h);
  }
}
END_TEST

START_TEST(an_engine_that_goes_is_a_warning_and_its_return_is_news) {
  EmbedHarness h = start("clipembed overload=skip");
  script().change_availability(Error{Error::Kind::kUnavailable, "the server has gone"});
  GstMessage* message = next_message(&h, GST_MESSAGE_WARNING);
  GError* error = nullptr;
  gst_message_parse_warning(message, &error, nullptr);
  fail_unless(g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE));
  fail_unless(std::string(error->message).starts_with("the server has gone"), "%s", error->message);
  g_error_free(error);
  gst_message_unref(message);
  script().change_availability(clipembed::ok());
  gst_message_unref(next_message(&h, GST_MESSAGE_INFO));
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_pass_while_there_is_no_engine) {
  EmbedHarness h = start("clipembed overload=skip");
  script().refusal = Error{Error::Kind::kUnavailable, "the server has gone"};
  for (guint i = 0; i < 3; ++i) {
    fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);
    fail_unless(!next_has_embedding(&h, i));
  }
  script().refusal.reset();
  script().immediate = true;
  fail_unless_equals_int(push_frame(&h, 3), GST_FLOW_OK);
  fail_unless(next_has_embedding(&h, 3));
  fail_unless_equals_uint64(stat(&h, "skipped"), 3);
  fail_unless(no_message(&h, GST_MESSAGE_ERROR));
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_in_a_server_that_dies_pass_without_an_embedding) {
  EmbedHarness h = start("clipembed overload=skip");
  push_frame(&h, 0);
  script().answer_with(Error{Error::Kind::kUnavailable, "the server has gone"});
  fail_unless(!next_has_embedding(&h, 0));
  fail_unless(no_message(&h, GST_MESSAGE_ERROR));
  embed_harness_free(&h);
}
END_TEST

START_TEST(failed_inference_is_an_error_with_skip_too) {
  EmbedHarness h = start("clipembed overload=skip");
  push_frame(&h, 0);
  script().answer_with(Error{Error::Kind::kFailed, "out of numbers"});
  g_free(expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  embed_harness_free(&h);
}
END_TEST

START_TEST(latency_with_skip_is_two_frames_at_most) {
  script().immediate = true;
  script().inference = std::chrono::milliseconds(200);
  EmbedHarness h = start("clipembed overload=skip");
  gst_harness_set_upstream_latency(h.harness, 0);
  push_frame(&h, 0);
  gst_buffer_unref(gst_harness_pull(h.harness));
  fail_unless_equals_uint64(gst_harness_query_latency(h.harness), 2 * FRAME_DURATION);
  embed_harness_free(&h);
}
END_TEST

START_TEST(the_stats_of_the_last_run_can_be_read_after_it) {
  script().immediate = true;
  EmbedHarness h = start("clipembed");
  push_frame(&h, 0);
  expect_frame(&h, 0);
  gst_element_set_state(h.element, GST_STATE_NULL);
  fail_unless_equals_uint64(stat(&h, "embedded"), 1);
  embed_harness_free(&h);
}
END_TEST

START_TEST(the_engine_property_names_a_server_and_then_any_model_will_do) {
  EmbedHarness h = start("clipembed engine=unix:/run/engine.sock");
  fail_unless_equals_string(script().engine_options.server.c_str(), "unix:/run/engine.sock");
  fail_unless_equals_string(script().engine_options.model.c_str(), "");
  embed_harness_free(&h);
  h = start("clipembed");
  fail_unless_equals_string(script().engine_options.server.c_str(), "");
  fail_unless_equals_string(script().engine_options.model.c_str(), "openai/clip-vit-base-patch32");
  embed_harness_free(&h);
}
END_TEST

START_TEST(an_augmented_frame_has_the_mean_of_its_views) {
  const std::pair<const char*, int> kAugments[] = {{"flip", 2}, {"five-crop", 5}};
  for (const auto& [augment, views] : kAugments) {
    Script::reset();
    EmbedHarness h = start((std::string("clipembed normalize=false augment=") + augment).c_str());
    push_frame(&h, 0);
    fail_unless_equals_int(script().pending(), views);
    for (int i = 0; i < views; ++i) {
      fail_unless_equals_int(gst_harness_buffers_received(h.harness), 0);
      script().answer();
    }
    expect_frame(&h, 0);
    GstMessage* message = next_element_message(&h, "clip-embedding");
    const gfloat* vector = message_vector(message, kDim);
    for (int i = 0; i < kDim; ++i) {
      const int times = (views - i + kDim - 1) / kDim;  // view n is 2 in place n % kDim
      fail_unless_equals_float(vector[i], 2.0F * static_cast<float>(times) / static_cast<float>(views));
    }
    gst_message_unref(message);
    embed_harness_free(&h);
  }
}
END_TEST

START_TEST(one_failed_view_fails_its_frame) {
  EmbedHarness h = start("clipembed augment=flip");
  push_frame(&h, 0);
  script().answer_with(Error{Error::Kind::kFailed, "out of numbers"});
  script().answer();
  g_free(expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  embed_harness_free(&h);
}
END_TEST

static Suite* clipembed_overload_suite() {
  Suite* suite = suite_create("clipembed_overload");
  TCase* tcase = tcase_create("clipembed_overload");
  suite_add_tcase(suite, tcase);
  tcase_add_checked_fixture(tcase, Script::reset, nullptr);
  tcase_set_timeout(tcase, 240);
  tcase_add_test(tcase, a_frame_never_waits_for_more_than_two_others);
  tcase_add_test(tcase, an_embedding_that_is_there_in_time_goes_with_its_frame);
  tcase_add_test(tcase, a_late_embedding_is_posted_for_its_own_frame);
  tcase_add_test(tcase, an_hour_of_a_stream_six_times_too_fast_is_never_held_up);
  tcase_add_test(tcase, a_skipped_frame_has_a_qos_message);
  tcase_add_test(tcase, eos_waits_for_what_the_engine_has_and_the_summary_counts_it);
  tcase_add_test(tcase, a_flush_forgets_late_embeddings);
  tcase_add_test(tcase, an_interval_that_found_no_room_takes_its_next_frame);
  tcase_add_test(tcase, a_scene_whose_frame_was_refused_is_embedded_by_its_next_frame);
  tcase_add_test(tcase, skip_refuses_and_block_waits_for_an_engine_that_has_gone);
  tcase_add_test(tcase, an_engine_that_goes_is_a_warning_and_its_return_is_news);
  tcase_add_test(tcase, frames_pass_while_there_is_no_engine);
  tcase_add_test(tcase, frames_in_a_server_that_dies_pass_without_an_embedding);
  tcase_add_test(tcase, failed_inference_is_an_error_with_skip_too);
  tcase_add_test(tcase, latency_with_skip_is_two_frames_at_most);
  tcase_add_test(tcase, the_stats_of_the_last_run_can_be_read_after_it);
  tcase_add_test(tcase, the_engine_property_names_a_server_and_then_any_model_will_do);
  tcase_add_test(tcase, an_augmented_frame_has_the_mean_of_its_views);
  tcase_add_test(tcase, one_failed_view_fails_its_frame);
  return suite;
}

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipembed, nullptr);
  return gst_check_run_suite(clipembed_overload_suite(), "clipembed_overload", __FILE__);
}
