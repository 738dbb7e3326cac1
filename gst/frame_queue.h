// The bounded queue between clipembed's two pads, and the source-pad task that empties it. Frames and serialized events
// leave in the order in which they came; a frame leaves when the engine has answered for it, or when as many frames are
// held as may be: then the oldest leaves early, and what the engine says of it comes out later by itself.
//
//   streaming thread: wait_for_room(), await(), push()  ->  queue  ->  source-pad task: pop()
//                                         engine's worker: complete() ^
//
// One lock, never held while anything outside is called but the task's own start and pause. The flow return is
// GST_FLOW_OK while the task runs; whoever stops it says why, and the streaming thread hands that on upstream, as
// `queue` does.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "gst/glib_ptr.h"
#include "gst/pending_frame.h"
#include "lib/engine/engine.h"

namespace clipembed {

class FrameQueue {
 public:
  // A frame or an event.
  struct Item {
    std::shared_ptr<PendingFrame> frame = nullptr;
    EventPtr event = nullptr;
  };

  struct Limits {
    std::size_t frames;  // in the queue before the streaming thread has to wait; events always fit
    std::size_t held;    // of them, waiting for their embeddings; with one more the oldest leaves early
  };

  // `loop(loop_data)` is the body of the task; both outlive the queue. `normalize`: as FrameEmbedding takes it.
  FrameQueue(GstPad* srcpad, GstTaskFunction loop, gpointer loop_data, Limits limits, bool normalize);

  // Forgets what it holds and runs the task. Does nothing while the source pad is inactive.
  void start();
  // After GST_FLOW_NOT_LINKED only, and keeping what it holds: downstream has been linked since.
  void restart_if_not_linked();
  // Wakes everybody. The first reason stands, but flushing overrides any. True where EOS has been reached before it, so
  // that upstream will not come to learn the reason.
  bool stop(GstFlowReturn why);
  // Drops everything; dropped sticky events stay on the source pad, as in `queue`.
  void clear();

  // Streaming thread. Waits until a frame fits; the flow return where none will be taken.
  GstFlowReturn wait_for_room();
  GstFlowReturn push(std::shared_ptr<PendingFrame> frame);
  GstFlowReturn push(EventPtr event);
  // Waits until everything pushed has gone downstream; false where the queue was stopped instead.
  bool wait_until_drained();
  // Before the frame's `views` are submitted, for each of which complete() is to be called.
  void await(PendingFrame& frame, int views);
  // Frames that the engine has not answered for.
  std::size_t awaited() const;

  // Any thread; the engine's worker, mostly. `frame` need not have been pushed yet, and may have been dropped.
  void complete(const std::shared_ptr<PendingFrame>& frame, const Result<Embedding>& view);

  // Source-pad task. Waits for the next item; nothing when stopped, and then the task is paused. A frame that
  // leaves early comes a second time, without its buffer, when its embedding is there.
  std::optional<Item> pop();
  // Downstream wants no more of this segment: drops up to the next event that changes that, or refuses further frames.
  void skip_segment();

  GstFlowReturn flow() const;

 private:
  std::optional<Item> take_ready();
  bool event_is_ready(GstEvent* event) const;
  GstFlowReturn refusal() const;
  void keep_sticky_events(const std::deque<Item>& dropped);

  GstPad* const srcpad_;  // its element owns this queue
  const GstTaskFunction loop_;
  const gpointer loop_data_;
  const Limits limits_;
  const bool normalize_;

  mutable std::mutex lock_;  // guards everything below
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::deque<std::shared_ptr<PendingFrame>> late_;  // embeddings of frames that left early
  std::size_t frames_ = 0;                          // among items_
  std::size_t awaited_ = 0;
  bool popped_ = false;  // an item is on its way downstream
  bool eos_ = false;     // EOS came from upstream or downstream: no frames until the next segment
  GstFlowReturn flow_ = GST_FLOW_FLUSHING;
};

}  // namespace clipembed
