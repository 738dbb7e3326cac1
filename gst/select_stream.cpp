#include "gst/select_stream.h"

#include <gst/video/video.h>

#include <algorithm>
#include <utility>

#include "gst/allocation_query.h"
#include "gst/clipmeta/clipmeta.h"

GST_DEBUG_CATEGORY_EXTERN(gst_clip_select_debug);
#define GST_CAT_DEFAULT gst_clip_select_debug

namespace clipembed {
namespace {

using std::chrono::nanoseconds;

constexpr GstClockTime kUnknownFrameDuration = 40 * GST_MSECOND;

nanoseconds to_chrono(GstClockTime time) { return nanoseconds(static_cast<std::int64_t>(time)); }

GstClockTime frame_duration(const FrameFormat& format) {
  const GstClockTime duration = format.frame_duration();
  return GST_CLOCK_TIME_IS_VALID(duration) ? duration : kUnknownFrameDuration;
}

// FrameSelector lets a frame go when kMaxHeld are there, or kMinHeld that span kHeldSpan.
GstClockTime waiting_time(GstClockTime duration) {
  const GstClockTime least = (FrameSelector::kMinHeld - 1) * duration;
  const GstClockTime most = (FrameSelector::kMaxHeld - 1) * duration;
  const auto span = static_cast<GstClockTime>(FrameSelector::kHeldSpan.count()) + duration;
  return std::max(least, std::min(most, span));
}

}  // namespace

SelectStream::SelectStream(GstElement* element, GstPad* sinkpad, GstPad* srcpad, const SelectSettings& settings)
    : element_(element), sinkpad_(sinkpad), srcpad_(srcpad), settings_(settings), selector_(settings.options) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
}

void SelectStream::reset() {
  items_.clear();
  summary_ = {};
  selector_ = FrameSelector(settings_.options);
  last_time_ = GST_CLOCK_TIME_NONE;
  covered_ = false;
}

// ---- frames ----

GstFlowReturn SelectStream::chain(BufferPtr buffer) {
  if (!format_) {
    GST_ELEMENT_ERROR(element_, CORE, NEGOTIATION, (nullptr), ("a frame came before its caps"));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  const GstClockTime pts = GST_BUFFER_PTS(buffer.get());
  Item item;
  item.times = {.timestamp = pts,
                .stream_time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, pts),
                .running_time = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, pts)};
  const bool outside = GST_CLOCK_TIME_IS_VALID(pts) && !GST_CLOCK_TIME_IS_VALID(item.times.running_time);
  if (outside) {  // of the segment: decoders and sinks may need it, but nobody will see it
    item.frame = std::move(buffer);
    items_.push_back(std::move(item));
    return pass_unjudged();
  }
  std::optional<FrameSketch> sketch;
  {
    const MappedFrame mapped(*format_, buffer.get());
    if (mapped) sketch = sketch_frame(mapped.view());
  }
  if (!sketch) {
    GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("cannot read a frame"),
                      ("its buffer cannot be mapped, or holds less than its caps say"));
    return GST_FLOW_ERROR;
  }
  if (!std::exchange(covered_, true)) cover();
  // Frames without a timestamp follow each other as the caps say; a step back is none.
  const GstClockTime duration = frame_duration(*format_);
  GstClockTime time = item.times.running_time;
  if (!GST_CLOCK_TIME_IS_VALID(time)) time = GST_CLOCK_TIME_IS_VALID(last_time_) ? last_time_ + duration : 0;
  if (GST_CLOCK_TIME_IS_VALID(last_time_)) time = std::max(time, last_time_);
  last_time_ = time;

  item.frame = std::move(buffer);
  item.judged = true;
  items_.push_back(std::move(item));
  return follow(selector_.push(to_chrono(time), *sketch));
}

// Each verdict is of the oldest judged frame; what is before it goes along.
GstFlowReturn SelectStream::follow(const std::vector<FrameVerdict>& verdicts) {
  for (const FrameVerdict& verdict : verdicts) {
    if (const GstFlowReturn flow = pass_unjudged(); flow != GST_FLOW_OK) return flow;
    Item item = std::move(items_.front());
    items_.pop_front();
    if (const GstFlowReturn flow = leave(std::move(item), verdict); flow != GST_FLOW_OK) return flow;
  }
  return pass_unjudged();
}

GstFlowReturn SelectStream::pass_unjudged() {
  while (!items_.empty() && !items_.front().judged) {
    Item item = std::move(items_.front());
    items_.pop_front();
    if (item.event) {
      gst_pad_push_event(srcpad_, item.event.release());
    } else if (settings_.mode == SelectMode::kMark) {
      const GstFlowReturn flow = gst_pad_push(srcpad_, item.frame.release());
      if (flow != GST_FLOW_OK) return flow;
    }
  }
  return GST_FLOW_OK;
}

GstFlowReturn SelectStream::leave(Item item, const FrameVerdict& verdict) {
  if (verdict.boundary) announce_shot(item, verdict);
  post(item, verdict);
  if (!verdict.chosen) {
    return settings_.mode == SelectMode::kMark ? gst_pad_push(srcpad_, item.frame.release()) : GST_FLOW_OK;
  }
  item.frame = BufferPtr(gst_buffer_make_writable(item.frame.release()));
  gst_buffer_add_clip_mark_meta(item.frame.get(), to_string(*verdict.chosen), verdict.shot, verdict.salience.score(),
                                verdict.salience.entropy);
  return gst_pad_push(srcpad_, item.frame.release());
}

// As scenechange does, so that an encoder starts a GOP there and clipembed trigger=scene sees the shot.
void SelectStream::announce_shot(const Item& item, const FrameVerdict& verdict) {
  GST_DEBUG_OBJECT(element_, "shot %d at %" GST_TIME_FORMAT ", %s, score %.2f", verdict.shot,
                   GST_TIME_ARGS(item.times.running_time),
                   verdict.boundary->kind == ShotBoundary::Kind::kCut ? "cut" : "gradual", verdict.boundary->score);
  gst_pad_push_event(srcpad_, gst_video_event_new_downstream_force_key_unit(
                                  item.times.timestamp, item.times.stream_time, item.times.running_time, FALSE,
                                  static_cast<guint>(verdict.shot)));
}

void SelectStream::post(const Item& item, const FrameVerdict& verdict) {
  ++summary_.frames;
  summary_.shots = verdict.shot + 1;
  summary_.chosen += verdict.chosen.has_value();
  if (settings_.post_scores) gst_element_post_message(element_, new_score_message(element_, item.times, verdict));
  if (!verdict.chosen || !settings_.post_messages) return;
  gst_element_post_message(element_, new_select_message(element_, item.times, verdict));
}

GstFlowReturn SelectStream::drain() { return follow(selector_.drain()); }

void SelectStream::end_stream() {
  drain();
  if (settings_.post_messages) gst_element_post_message(element_, new_select_summary_message(element_, summary_));
  reset();
}

// ---- events and queries ----

bool SelectStream::sink_event(EventPtr event) {
  const GstEventType type = GST_EVENT_TYPE(event.get());
  if (type == GST_EVENT_FLUSH_STOP) {
    reset();
    gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  }
  if (!(gst_event_type_get_flags(type) & GST_EVENT_TYPE_SERIALIZED) || type == GST_EVENT_FLUSH_STOP) {
    return gst_pad_push_event(srcpad_, event.release());
  }
  switch (type) {
    case GST_EVENT_CAPS:
      if (!set_caps(event.get())) return false;
      break;
    case GST_EVENT_STREAM_START:
      if (summary_.frames > 0 || !items_.empty()) end_stream();
      return gst_pad_push_event(srcpad_, event.release());
    case GST_EVENT_EOS:
      end_stream();
      return gst_pad_push_event(srcpad_, event.release());
    case GST_EVENT_SEGMENT:
      drain();
      set_segment(event.get());
      return gst_pad_push_event(srcpad_, event.release());
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_GAP:  // nothing else may come for long
      drain();
      return gst_pad_push_event(srcpad_, event.release());
    default:
      break;
  }
  if (items_.empty()) return gst_pad_push_event(srcpad_, event.release());
  Item item;
  item.event = std::move(event);
  items_.push_back(std::move(item));
  return true;
}

bool SelectStream::serialized_query(GstQuery* query) {
  if (drain() != GST_FLOW_OK) return false;
  const bool answered = gst_pad_peer_query(srcpad_, query);
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) amend_allocation(query, FrameSelector::kMaxHeld);
  return answered;
}

bool SelectStream::set_caps(GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  format_ = parse_frame_format(caps);
  if (!format_) {
    GST_ERROR_OBJECT(element_, "cannot use caps %" GST_PTR_FORMAT, caps);
    return false;
  }
  const GstClockTime latency = waiting_time(frame_duration(*format_));
  if (latency_.exchange(latency) != latency) {
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT_CAST(element_)));
  }
  return true;
}

// A segment that continues in running time continues the stream; the frames to choose are those of its span.
void SelectStream::set_segment(GstEvent* event) {
  gst_event_copy_segment(event, &segment_);
  covered_ = false;
}

// Coverage is of the segment's own span, or of what is left of the stream where it has no end. In running time, as all
// of the selector's times, so that it goes forward at any rate.
void SelectStream::cover() {
  selector_.set_span(nanoseconds(0), nanoseconds(0));
  if (segment_.format != GST_FORMAT_TIME) return;
  GstSegment whole = segment_;
  gint64 duration = 0;
  if (!GST_CLOCK_TIME_IS_VALID(whole.stop)) {
    if (!gst_pad_peer_query_duration(sinkpad_, GST_FORMAT_TIME, &duration) || duration <= 0) return;
    const auto stop = gst_segment_position_from_stream_time(&whole, GST_FORMAT_TIME, static_cast<guint64>(duration));
    if (!GST_CLOCK_TIME_IS_VALID(stop) || stop <= whole.start) return;
    whole.stop = stop;
  }
  const auto first = gst_segment_to_running_time(&whole, GST_FORMAT_TIME, whole.rate > 0 ? whole.start : whole.stop);
  const auto last = gst_segment_to_running_time(&whole, GST_FORMAT_TIME, whole.rate > 0 ? whole.stop : whole.start);
  if (GST_CLOCK_TIME_IS_VALID(first) && GST_CLOCK_TIME_IS_VALID(last)) {
    selector_.set_span(to_chrono(first), to_chrono(last));
  }
}

}  // namespace clipembed
