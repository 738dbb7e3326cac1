// One run of a clipembed element, from READY->PAUSED to PAUSED->READY: the flow of frames through preprocessing and the
// engine, and of messages to the bus. What a run leaves behind goes with this object, so state cycling starts clean.
//
//   chain(): choose -> map -> preprocess -> Session::submit() -> FrameQueue -> loop(): message, meta, push
//
// Threads: chain(), event() for serialized events and query() run in the streaming thread, loop() in the source-pad
// task; flushes and pad (de)activation in any. Members are grouped by who may touch them.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <optional>

#include "gst/embedding_message.h"
#include "gst/frame_format.h"
#include "gst/frame_queue.h"
#include "gst/frame_trigger.h"
#include "gst/glib_ptr.h"
#include "gst/settings.h"
#include "lib/engine/engine.h"
#include "lib/image/augment.h"
#include "lib/result.h"

namespace clipembed {

class EmbedStream {
 public:
  // Opens the engine, which may take seconds. The pad is `element`'s own. Errors: those of shared_engine().
  static Result<std::shared_ptr<EmbedStream>> open(GstElement* element, GstPad* srcpad, const Settings& settings);

  EmbedStream(GstElement* element, GstPad* srcpad, const Settings& settings, std::shared_ptr<Engine> engine);

  GstFlowReturn chain(BufferPtr buffer);
  GstFlowReturn sink_event(EventPtr event);
  // A serialized query: answered downstream once all that came before it is there.
  bool serialized_query(GstQuery* query);
  // Downstream's links have changed.
  void reconfigure() { queue_.restart_if_not_linked(); }

  void activate();
  // With the source pad the task ends too; with the sink pad only what it waits for.
  void deactivate();

  // The longest that a frame is held for its batch, and how long a batch takes as far as is known.
  GstClockTime latency() const;
  void set_live(bool live) { live_ = live; }
  // Of the settings, those that may change while playing.
  void update(const Settings& settings);
  // `clip-stats`, transfer full.
  GstStructure* stats() const;

 private:
  void flush_start();
  void flush_stop();
  bool set_caps(GstEvent* event);
  FrameTimes times_of(GstBuffer* buffer) const;
  Status embed(const std::shared_ptr<PendingFrame>& frame);
  Result<std::vector<Picture>> preprocess(GstBuffer* buffer);
  GstFlowReturn fail(const Error& error);

  void loop();
  GstFlowReturn push_downstream(PendingFrame& frame);
  GstFlowReturn push_downstream(EventPtr event);
  GstFlowReturn give_embedding(PendingFrame& frame);
  GstFlowReturn go_without(const PendingFrame& frame);
  void note_inference(GstClockTime inference);
  void engine_came_or_went(const Status& status);
  void give_up(GstFlowReturn flow);

  // Fixed.
  GstElement* const element_;
  GstPad* const srcpad_;
  const Settings settings_;
  const std::shared_ptr<Engine> engine_;

  // Any thread.
  std::atomic<bool> post_messages_;
  std::atomic<bool> attach_meta_;
  std::atomic<Trigger> trigger_;
  std::atomic<GstClockTime> interval_;
  std::atomic<bool> live_ = false;
  std::atomic<bool> error_posted_ = false;    // since the last activation or flush: the application need not hear twice
  std::atomic<GstClockTime> batch_time_ = 0;  // of inference, with some headroom
  std::atomic<GstClockTime> frame_duration_ = GST_CLOCK_TIME_NONE;  // as the caps say
  FrameQueue queue_;
  struct Stats {
    std::atomic<std::uint64_t> frames = 0, embedded = 0, late = 0, skipped = 0;
  } stats_;

  // Streaming thread.
  AugmentedPreprocessor preprocessor_;
  FrameTrigger frame_trigger_;
  std::uint64_t next_number_ = 0;
  std::optional<FrameFormat> format_;
  GstSegment segment_;

  // Source-pad task; a flush, once the task is paused.
  StreamSummary summary_;

  // Last, so that no completion runs any more when the members above go.
  const std::unique_ptr<Session> session_;
};

}  // namespace clipembed
