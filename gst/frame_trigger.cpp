#include "gst/frame_trigger.h"

#include <gst/video/video.h>

#include <utility>

namespace clipembed {
namespace {

std::optional<Choice> choice_of_mark(GstBuffer* buffer) {
  const GstClipMarkMeta* mark = gst_buffer_get_clip_mark_meta(buffer);
  if (!mark) return std::nullopt;
  return Choice{mark->reason ? mark->reason : "marked", mark->scene_index, mark->score, mark->entropy};
}

}  // namespace

void FrameTrigger::reset() {
  anchor_.reset();
  interval_taken_.reset();
  scene_index_ = GST_CLIP_NO_SCENE;
  scene_begins_ = false;
}

// The scene before the first event has index 0, though nobody could know of it then.
void FrameTrigger::see(GstEvent* event) {
  if (!gst_video_event_is_force_key_unit(event)) return;
  scene_index_ = scene_index_ == GST_CLIP_NO_SCENE ? 1 : scene_index_ + 1;
  scene_begins_ = true;
}

std::optional<Choice> FrameTrigger::choose(Trigger trigger, GstClockTime interval, GstBuffer* buffer,
                                           GstClockTime stream_time) {
  switch (trigger) {
    case Trigger::kEvery:
      return choice_of_mark(buffer).value_or(Choice{"every", scene_index_});
    case Trigger::kInterval:
      if (enters_interval(interval, stream_time)) return Choice{"interval", scene_index_};
      break;
    case Trigger::kScene:
      if (scene_begins_) return Choice{"scene", scene_index_};
      break;
    case Trigger::kMarked:
      return choice_of_mark(buffer);
  }
  return std::nullopt;
}

// Stream time runs backwards where the rate is negative, and so do the intervals.
bool FrameTrigger::enters_interval(GstClockTime interval, GstClockTime stream_time) {
  if (!GST_CLOCK_TIME_IS_VALID(stream_time)) {
    if (!std::exchange(warned_, true)) {
      GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("trigger=interval cannot place frames without timestamps"),
                          ("they pass without an embedding"));
    }
    return false;
  }
  if (!anchor_) anchor_ = stream_time;
  const GstClockTimeDiff passed =
      forward_ ? GST_CLOCK_DIFF(*anchor_, stream_time) : GST_CLOCK_DIFF(stream_time, *anchor_);
  const auto length = static_cast<std::int64_t>(interval);
  interval_entered_ = passed / length - (passed % length < 0 ? 1 : 0);
  return interval_entered_ != interval_taken_;
}

void FrameTrigger::taken() {
  if (anchor_) interval_taken_ = interval_entered_;
  scene_begins_ = false;
}

}  // namespace clipembed
