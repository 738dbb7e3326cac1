// One run of a clipselect element, from READY->PAUSED to PAUSED->READY: frames wait here, with the serialized events
// among them, until their verdicts are known.
//
//   chain(): map -> sketch_frame() -> FrameSelector -> verdicts -> leave(): key-unit event, messages, mark, push
//
// Threads: everything in the streaming thread, but latency(), which any thread may call. No locks.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <deque>
#include <optional>

#include "gst/frame_format.h"
#include "gst/glib_ptr.h"
#include "gst/select_message.h"
#include "lib/video/frame_selector.h"

namespace clipembed {

enum class SelectMode { kDrop, kMark };

struct SelectSettings {
  SelectMode mode = SelectMode::kDrop;
  SelectOptions options;
  bool post_messages = true;
  bool post_scores = false;
};

class SelectStream {
 public:
  SelectStream(GstElement* element, GstPad* sinkpad, GstPad* srcpad, const SelectSettings& settings);

  GstFlowReturn chain(BufferPtr buffer);
  bool sink_event(EventPtr event);
  // A serialized query: answered downstream once all that came before it is there.
  bool serialized_query(GstQuery* query);

  // How long a frame waits for those after it.
  GstClockTime latency() const { return latency_; }

 private:
  struct Item {
    BufferPtr frame;  // or
    EventPtr event;
    SelectTimes times;
    bool judged = false;  // the selector will say something of it
  };

  bool set_caps(GstEvent* event);
  void set_segment(GstEvent* event);
  void cover();
  void reset();
  GstFlowReturn follow(const std::vector<FrameVerdict>& verdicts);
  GstFlowReturn pass_unjudged();
  GstFlowReturn leave(Item item, const FrameVerdict& verdict);
  GstFlowReturn drain();
  void announce_shot(const Item& item, const FrameVerdict& verdict);
  void post(const Item& item, const FrameVerdict& verdict);
  void end_stream();

  GstElement* const element_;
  GstPad* const sinkpad_;
  GstPad* const srcpad_;
  const SelectSettings settings_;
  std::atomic<GstClockTime> latency_ = 0;

  std::optional<FrameFormat> format_;
  GstSegment segment_;
  std::deque<Item> items_;  // oldest first; no more than FrameSelector::kMaxHeld frames
  FrameSelector selector_;
  SelectSummary summary_;
  GstClockTime last_time_ = GST_CLOCK_TIME_NONE;  // of a frame, running time
  bool covered_ = false;                          // the duration has been asked for
};

}  // namespace clipembed
