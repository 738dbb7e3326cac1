// How clipselect moves, marks and drops frames, and what it says of them. Which frames are best and where shots begin
// is the business of the unit tests of lib/video.
#include <gst/video/video.h>

#include <string>

#include "gst/clipmeta/clipmeta.h"
#include "gst/clipselect.h"

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include "tests/elements/embed_harness.h"

namespace {

constexpr guint kMostHeld = 7;  // after a frame has been taken; FrameSelector::kMaxHeld while it is

// Random squares; the same for the same scene.
GstBuffer* frame_of(guint number, guint scene) {
  GstBuffer* buffer = new_frame(number);
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
  for (guint i = 0; i < FRAME_SIZE; ++i) {
    const guint square = i / 64 * 4 + i % 16 / 4;
    map.data[i] = static_cast<guint8>((square + 1) * (scene + 3) * 2654435761U >> 24);
  }
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

void push_scene(EmbedHarness* h, guint first, guint end, guint scene) {
  for (guint i = first; i < end; ++i) {
    fail_unless_equals_int(gst_harness_push(h->harness, frame_of(i, scene)), GST_FLOW_OK);
  }
}

// The numbers of the frames that came out; with `marked`, of those that carry a mark.
std::string frames_out(EmbedHarness* h, bool marked = false) {
  std::string numbers;
  while (GstBuffer* buffer = gst_harness_try_pull(h->harness)) {
    if (!marked || gst_buffer_get_clip_mark_meta(buffer)) {
      numbers += std::to_string(GST_BUFFER_PTS(buffer) / FRAME_DURATION) + " ";
    }
    gst_buffer_unref(buffer);
  }
  return numbers;
}

std::string count_to(guint end) {
  std::string numbers;
  for (guint i = 0; i < end; ++i) numbers += std::to_string(i) + " ";
  return numbers;
}

void push_segment(EmbedHarness* h, GstClockTime start, GstClockTime stop) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = start;
  segment.stop = stop;
  push_event(h, gst_event_new_segment(&segment));
}

void finish(EmbedHarness* h) { push_event(h, gst_event_new_eos()); }

GstClockTime latency_of(EmbedHarness* h) {
  gst_harness_set_upstream_latency(h->harness, 0);
  return gst_harness_query_latency(h->harness);
}

GstPadProbeReturn note_order(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* order = static_cast<std::string*>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    *order += std::to_string(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) / FRAME_DURATION) + " ";
  } else {
    *order += std::string(GST_EVENT_TYPE_NAME(GST_PAD_PROBE_INFO_EVENT(info))) + " ";
  }
  return GST_PAD_PROBE_OK;
}

void watch_order(EmbedHarness* h, std::string* order) {
  gst_pad_add_probe(h->harness->sinkpad,
                    static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                    note_order, order, nullptr);
}

gint scene_index(GstMessage* message) {
  gint index = -1;
  gst_structure_get_int(gst_message_get_structure(message), "scene-index", &index);
  return index;
}

GstPadProbeReturn refuse(GstPad*, GstPadProbeInfo* info, gpointer flow) {
  gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
  info->data = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = static_cast<GstFlowReturn>(GPOINTER_TO_INT(flow));
  return GST_PAD_PROBE_HANDLED;
}

}  // namespace

START_TEST(drop_lets_one_frame_of_each_shot_through) {
  EmbedHarness h = start("clipselect");
  push_scene(&h, 0, 50, 1);
  push_scene(&h, 50, 100, 2);
  finish(&h);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 2);
  for (gint scene = 0; scene < 2; ++scene) {
    GstBuffer* buffer = gst_harness_pull(h.harness);
    const GstClipMarkMeta* mark = gst_buffer_get_clip_mark_meta(buffer);
    fail_unless(mark != nullptr);
    fail_unless_equals_int(mark->scene_index, scene);
    fail_unless(mark->score > 0 && mark->score <= 1);
    gst_buffer_unref(buffer);
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(mark_lets_all_through_and_marks_those_that_drop_lets_through) {
  std::string chosen[2];
  for (const bool mark : {false, true}) {
    EmbedHarness h = start(mark ? "clipselect mode=mark" : "clipselect");
    push_scene(&h, 0, 50, 1);
    push_scene(&h, 50, 90, 2);
    finish(&h);
    if (mark) fail_unless_equals_int(gst_harness_buffers_received(h.harness), 90);
    chosen[mark] = frames_out(&h, mark);
    embed_harness_free(&h);
  }
  fail_unless_equals_string(chosen[1].c_str(), chosen[0].c_str());
}
END_TEST

START_TEST(few_frames_are_held_and_the_latency_says_so) {
  EmbedHarness h = start("clipselect mode=mark");
  for (guint i = 0; i < 30; ++i) {
    push_scene(&h, i, i + 1, 1);
    fail_unless(i + 1 - gst_harness_buffers_received(h.harness) <= kMostHeld);
  }
  fail_unless_equals_uint64(latency_of(&h), kMostHeld * FRAME_DURATION);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=5/1");
  fail_unless_equals_uint64(latency_of(&h), 600 * GST_MSECOND);
  gst_message_unref(next_message(&h, GST_MESSAGE_LATENCY));
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_key_unit_event_comes_before_the_first_frame_of_a_shot) {
  EmbedHarness h = start("clipselect mode=mark");
  std::string order;
  watch_order(&h, &order);
  push_scene(&h, 0, 20, 1);
  push_scene(&h, 20, 40, 2);
  finish(&h);
  std::string wanted = count_to(40) + "eos ";
  wanted.insert(wanted.find("20 "), "custom-downstream ");
  order.erase(0, order.find("0 "));
  fail_unless_equals_string(order.c_str(), wanted.c_str());
  while (GstEvent* event = gst_harness_try_pull_event(h.harness)) {
    if (gst_video_event_is_force_key_unit(event)) {
      GstClockTime timestamp, stream_time, running_time;
      gboolean all_headers;
      guint count;
      fail_unless(gst_video_event_parse_downstream_force_key_unit(event, &timestamp, &stream_time, &running_time,
                                                                  &all_headers, &count));
      fail_unless_equals_uint64(timestamp, 20 * FRAME_DURATION);
      fail_unless_equals_uint64(running_time, 20 * FRAME_DURATION);
      fail_unless_equals_int(count, 1);
    }
    gst_event_unref(event);
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_message_tells_of_each_chosen_frame) {
  EmbedHarness h = start("clipselect");
  push_segment(&h, FRAME_DURATION, GST_CLOCK_TIME_NONE);
  push_scene(&h, 1, 30, 1);
  finish(&h);
  GstMessage* message = next_element_message(&h, "clip-select");
  const GstStructure* structure = gst_message_get_structure(message);
  GstBuffer* buffer = gst_harness_pull(h.harness);
  fail_unless_equals_uint64(message_uint64(message, "timestamp"), GST_BUFFER_PTS(buffer));
  fail_unless_equals_uint64(message_uint64(message, "stream-time"), GST_BUFFER_PTS(buffer));
  fail_unless_equals_uint64(message_uint64(message, "running-time"), GST_BUFFER_PTS(buffer) - FRAME_DURATION);
  fail_unless_equals_string(gst_structure_get_string(structure, "reason"),
                            gst_buffer_get_clip_mark_meta(buffer)->reason);
  fail_unless_equals_int(scene_index(message), 0);
  for (const char* field : {"score", "entropy", "sharpness", "luma"}) {
    gdouble value = 0;
    fail_unless(gst_structure_get_double(structure, field, &value) && value > 0, "%s", field);
  }
  gdouble entropy = -1;
  gst_structure_get_double(structure, "entropy", &entropy);
  fail_unless_equals_float(gst_buffer_get_clip_mark_meta(buffer)->entropy, entropy);
  gst_buffer_unref(buffer);
  gst_message_unref(message);
  gst_message_unref(next_element_message(&h, "clip-select-summary"));
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_summary_at_eos_counts_shots_and_frames) {
  EmbedHarness h = start("clipselect");
  for (const guint shots : {3U, 1U, 0U}) {
    for (guint shot = 0; shot < shots; ++shot) push_scene(&h, 50 * shot, 50 * shot + 50, shot);
    finish(&h);
    for (guint shot = 0; shot < shots; ++shot) gst_message_unref(next_element_message(&h, "clip-select"));
    GstMessage* message = next_element_message(&h, "clip-select-summary");
    gint counted = -1;
    fail_unless(gst_structure_get_int(gst_message_get_structure(message), "shots", &counted));
    fail_unless_equals_int(counted, shots);
    fail_unless_equals_uint64(message_uint64(message, "frames"), 50 * shots);
    fail_unless_equals_uint64(message_uint64(message, "chosen"), shots);
    gst_message_unref(message);
    push_event(&h, gst_event_new_stream_start("again"));
    gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
    push_segment(&h, 0, GST_CLOCK_TIME_NONE);
    fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  }
  embed_harness_free(&h);
}
END_TEST

START_TEST(another_stream_ends_the_one_before_it) {
  EmbedHarness h = start("clipselect");
  push_scene(&h, 0, 5, 1);
  push_event(&h, gst_event_new_stream_start("another"));
  gst_message_unref(next_element_message(&h, "clip-select"));
  GstMessage* message = next_element_message(&h, "clip-select-summary");
  fail_unless_equals_uint64(message_uint64(message, "frames"), 5);
  gst_message_unref(message);
  embed_harness_free(&h);
}
END_TEST

START_TEST(scores_of_every_frame_are_posted_on_request) {
  EmbedHarness h = start("clipselect post-scores=true post-messages=false");
  push_scene(&h, 0, 30, 1);
  push_scene(&h, 30, 60, 2);
  finish(&h);
  guint reasons = 0;
  for (guint i = 0; i < 60; ++i) {
    GstMessage* message = next_element_message(&h, "clip-score");
    const GstStructure* structure = gst_message_get_structure(message);
    fail_unless_equals_uint64(message_uint64(message, "stream-time"), i * FRAME_DURATION);
    fail_unless_equals_int(scene_index(message), i < 30 ? 0 : 1);
    gdouble change = -1;
    fail_unless(gst_structure_get_double(structure, "change", &change));
    fail_unless(i == 30 ? change >= 0.5 : change == 0, "frame %u: %f", i, change);
    fail_unless_equals_string(gst_structure_get_string(structure, "transition"), i == 30 ? "cut" : nullptr);
    reasons += gst_structure_has_field(structure, "reason");
    gst_message_unref(message);
  }
  fail_unless_equals_int(reasons, 2);
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  embed_harness_free(&h);
}
END_TEST

START_TEST(messages_may_be_turned_off) {
  EmbedHarness h = start("clipselect post-messages=false");
  push_scene(&h, 0, 30, 1);
  finish(&h);
  fail_unless(no_message(&h, GST_MESSAGE_ELEMENT));
  embed_harness_free(&h);
}
END_TEST

START_TEST(serialized_events_keep_their_place_among_frames) {
  EmbedHarness h = start("clipselect mode=mark");
  std::string order;
  push_scene(&h, 0, 1, 1);
  watch_order(&h, &order);
  push_scene(&h, 1, 2, 1);
  push_event(&h, gst_event_new_tag(gst_tag_list_new_empty()));
  push_scene(&h, 2, 3, 1);
  finish(&h);
  fail_unless_equals_string(order.c_str(), "0 1 tag 2 eos ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_gap_lets_go_of_what_is_held) {
  EmbedHarness h = start("clipselect mode=mark");
  std::string order;
  push_scene(&h, 0, 1, 1);
  watch_order(&h, &order);
  push_scene(&h, 1, 3, 1);
  push_event(&h, gst_event_new_gap(3 * FRAME_DURATION, GST_SECOND));
  fail_unless_equals_string(order.c_str(), "0 1 2 gap ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_serialized_query_comes_after_what_was_before_it) {
  EmbedHarness h = start("clipselect mode=mark");
  push_scene(&h, 0, 3, 1);
  GstQuery* query = gst_query_new_drain();
  gst_pad_peer_query(h.harness->srcpad, query);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 3);
  gst_query_unref(query);
  embed_harness_free(&h);
}
END_TEST

START_TEST(upstream_allocates_as_many_buffers_more_as_are_held) {
  EmbedHarness h = start("clipselect");
  GstCaps* caps = gst_caps_from_string(FRAME_CAPS);
  GstQuery* query = gst_query_new_allocation(caps, TRUE);
  gst_pad_peer_query(h.harness->srcpad, query);
  guint min = 0;
  fail_unless_equals_int(gst_query_get_n_allocation_pools(query), 1);
  gst_query_parse_nth_allocation_pool(query, 0, nullptr, nullptr, &min, nullptr);
  fail_unless_equals_int(min, kMostHeld + 1);
  gst_query_unref(query);
  gst_caps_unref(caps);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_flush_forgets_everything) {
  EmbedHarness h = start("clipselect");
  push_scene(&h, 0, 50, 1);
  push_scene(&h, 50, 60, 2);
  const guint before = gst_harness_buffers_received(h.harness);
  push_event(&h, gst_event_new_flush_start());
  push_event(&h, gst_event_new_flush_stop(TRUE));
  push_segment(&h, 0, GST_CLOCK_TIME_NONE);
  push_scene(&h, 0, 3, 3);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), before);
  finish(&h);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), before + 1);
  GstMessage* last = nullptr;
  while (GstMessage* message = gst_bus_pop_filtered(h.bus, GST_MESSAGE_ELEMENT)) {
    if (gst_message_has_name(message, "clip-select")) gst_message_replace(&last, message);
    gst_message_unref(message);
  }
  fail_unless_equals_int(scene_index(last), 0);
  gst_message_unref(last);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_segment_with_an_end_is_covered) {
  EmbedHarness h = start("clipselect frames=10");
  push_segment(&h, 0, 100 * FRAME_DURATION);
  push_scene(&h, 0, 100, 1);
  finish(&h);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 10);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_stream_of_known_duration_is_covered) {
  g_autoptr(GstElement) pipeline = gst_parse_launch(
      "videotestsrc pattern=white num-buffers=100 ! video/x-raw,format=I420,width=32,height=32,framerate=25/1 ! "
      "clipselect name=it frames=20 ! fakesink",
      nullptr);
  // videotestsrc knows its duration from num-buffers.
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  guint chosen = 0;
  for (bool done = false; !done;) {
    GstMessage* message = gst_bus_timed_pop_filtered(
        bus, 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    fail_unless(message && GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
    done = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    chosen += gst_message_has_name(message, "clip-select");
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  fail_unless_equals_int(chosen, 20);
}
END_TEST

START_TEST(max_gap_samples_a_live_stream) {
  EmbedHarness h = start("clipselect max-gap=1000000000");
  push_scene(&h, 0, 25 * 10, 1);
  const guint received = gst_harness_buffers_received(h.harness);
  fail_unless(received >= 10 && received <= 14, "%u", received);
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_outside_the_segment_pass_unjudged) {
  EmbedHarness h = start("clipselect mode=mark");
  push_segment(&h, 10 * FRAME_DURATION, GST_CLOCK_TIME_NONE);
  push_scene(&h, 0, 20, 1);
  finish(&h);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 20);
  const std::string marked = frames_out(&h, true);
  fail_unless(std::stoi(marked) >= 10, "%s", marked.c_str());
  embed_harness_free(&h);
}
END_TEST

START_TEST(frames_without_timestamps_are_judged_by_their_order) {
  EmbedHarness h = start("clipselect");
  for (guint i = 0; i < 100; ++i) {
    GstBuffer* buffer = frame_of(i, i / 50);
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_NONE;
    fail_unless_equals_int(gst_harness_push(h.harness, buffer), GST_FLOW_OK);
  }
  finish(&h);
  fail_unless_equals_int(gst_harness_buffers_received(h.harness), 2);
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_change_of_caps_is_no_new_shot) {
  EmbedHarness h = start("clipselect mode=mark");
  std::string order;
  push_scene(&h, 0, 1, 1);
  watch_order(&h, &order);
  push_scene(&h, 1, 3, 1);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=GRAY8,width=32,height=8,framerate=25/1");
  GstBuffer* other = gst_buffer_new_allocate(nullptr, FRAME_SIZE, nullptr);
  gst_buffer_memset(other, 0, 0, FRAME_SIZE);
  GST_BUFFER_PTS(other) = 3 * FRAME_DURATION;
  fail_unless_equals_int(gst_harness_push(h.harness, other), GST_FLOW_OK);
  finish(&h);
  fail_unless_equals_string(order.c_str(), "0 1 2 caps segment 3 eos ");
  embed_harness_free(&h);
}
END_TEST

START_TEST(a_buffer_smaller_than_its_caps_is_an_error) {
  EmbedHarness h = start("clipselect");
  fail_unless_equals_int(gst_harness_push(h.harness, gst_buffer_new_allocate(nullptr, 10, nullptr)), GST_FLOW_ERROR);
  g_free(expect_error(&h, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED));
  embed_harness_free(&h);
}
END_TEST

START_TEST(what_downstream_returns_comes_back) {
  for (const GstFlowReturn flow : {GST_FLOW_EOS, GST_FLOW_ERROR, GST_FLOW_FLUSHING, GST_FLOW_NOT_LINKED}) {
    EmbedHarness h = start("clipselect mode=mark");
    gst_pad_add_probe(h.harness->sinkpad, GST_PAD_PROBE_TYPE_BUFFER, refuse, GINT_TO_POINTER(flow), nullptr);
    fail_unless_equals_int(push_until_refused(&h), flow);
    embed_harness_free(&h);
  }
}
END_TEST

START_TEST(it_starts_clean_every_time) {
  EmbedHarness h = start("clipselect");
  for (guint cycle = 0; cycle < 20; ++cycle) {
    push_scene(&h, 0, 5 + cycle, 1);
    fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    fail_unless_equals_int(gst_element_set_state(h.element, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    push_event(&h, gst_event_new_stream_start("again"));
    gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
    push_segment(&h, 0, GST_CLOCK_TIME_NONE);
  }
  embed_harness_free(&h);
}
END_TEST

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipselect, nullptr);
  Suite* suite = suite_create("clipselect");
  TCase* tcase = tcase_create("clipselect");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, drop_lets_one_frame_of_each_shot_through);
  tcase_add_test(tcase, mark_lets_all_through_and_marks_those_that_drop_lets_through);
  tcase_add_test(tcase, few_frames_are_held_and_the_latency_says_so);
  tcase_add_test(tcase, a_key_unit_event_comes_before_the_first_frame_of_a_shot);
  tcase_add_test(tcase, a_message_tells_of_each_chosen_frame);
  tcase_add_test(tcase, a_summary_at_eos_counts_shots_and_frames);
  tcase_add_test(tcase, another_stream_ends_the_one_before_it);
  tcase_add_test(tcase, scores_of_every_frame_are_posted_on_request);
  tcase_add_test(tcase, messages_may_be_turned_off);
  tcase_add_test(tcase, serialized_events_keep_their_place_among_frames);
  tcase_add_test(tcase, a_gap_lets_go_of_what_is_held);
  tcase_add_test(tcase, a_serialized_query_comes_after_what_was_before_it);
  tcase_add_test(tcase, upstream_allocates_as_many_buffers_more_as_are_held);
  tcase_add_test(tcase, a_flush_forgets_everything);
  tcase_add_test(tcase, a_segment_with_an_end_is_covered);
  tcase_add_test(tcase, a_stream_of_known_duration_is_covered);
  tcase_add_test(tcase, max_gap_samples_a_live_stream);
  tcase_add_test(tcase, frames_outside_the_segment_pass_unjudged);
  tcase_add_test(tcase, frames_without_timestamps_are_judged_by_their_order);
  tcase_add_test(tcase, a_change_of_caps_is_no_new_shot);
  tcase_add_test(tcase, a_buffer_smaller_than_its_caps_is_an_error);
  tcase_add_test(tcase, what_downstream_returns_comes_back);
  tcase_add_test(tcase, it_starts_clean_every_time);
  return gst_check_run_suite(suite, "clipselect", __FILE__);
}
