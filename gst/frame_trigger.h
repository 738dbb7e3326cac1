// Which frames are embedded: the policy of clipembed:trigger. Runs in the streaming thread; no locks.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <string>

#include "gst/clipmeta/clipmeta.h"
#include "gst/settings.h"

namespace clipembed {

// Why a frame is embedded; as GstClipEmbeddingMeta says it.
struct Choice {
  std::string reason;
  int scene_index = GST_CLIP_NO_SCENE;
  double score = GST_CLIP_NO_SCORE;
  double entropy = GST_CLIP_NO_ENTROPY;
};

class FrameTrigger {
 public:
  // `element` is named in warnings.
  explicit FrameTrigger(GstElement* element) : element_(element) {}

  // A flush, or another stream.
  void reset();
  void set_rate(double rate) { forward_ = rate >= 0; }
  // Any serialized event from upstream: counts scenes.
  void see(GstEvent* event);

  // Nothing where the frame is not to be embedded. `stream_time`: GST_CLOCK_TIME_NONE where it has none.
  std::optional<Choice> choose(Trigger trigger, GstClockTime interval, GstBuffer* buffer, GstClockTime stream_time);
  // The frame chosen last has been taken. Until then the next one is as good for an interval or a scene.
  void taken();

 private:
  bool enters_interval(GstClockTime interval, GstClockTime stream_time);

  GstElement* const element_;
  bool forward_ = true;
  bool warned_ = false;

  // Intervals, counted from the first frame in the direction of playback.
  std::optional<GstClockTime> anchor_;
  std::optional<std::int64_t> interval_taken_;
  std::int64_t interval_entered_ = 0;

  int scene_index_ = GST_CLIP_NO_SCENE;
  bool scene_begins_ = false;
};

}  // namespace clipembed
