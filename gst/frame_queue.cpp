#include "gst/frame_queue.h"

#include <utility>

namespace clipembed {
namespace {

bool is_sticky(const GstEvent* event) {
  return gst_event_type_get_flags(GST_EVENT_TYPE(event)) & GST_EVENT_TYPE_STICKY;
}

// The events that let data flow again after EOS, or that must reach downstream after it.
bool ends_segment(const FrameQueue::Item& item) {
  if (!item.event) return false;
  const GstEventType type = GST_EVENT_TYPE(item.event.get());
  return type == GST_EVENT_EOS || type == GST_EVENT_SEGMENT || type == GST_EVENT_STREAM_START;
}

}  // namespace

FrameQueue::FrameQueue(GstPad* srcpad, GstTaskFunction loop, gpointer loop_data, Limits limits, bool normalize)
    : srcpad_(srcpad), loop_(loop), loop_data_(loop_data), limits_(limits), normalize_(normalize) {}

void FrameQueue::start() {
  clear();
  std::lock_guard guard(lock_);
  if (!gst_pad_is_active(srcpad_)) return;
  eos_ = false;
  popped_ = false;
  flow_ = GST_FLOW_OK;
  gst_pad_start_task(srcpad_, loop_, loop_data_, nullptr);
}

void FrameQueue::restart_if_not_linked() {
  std::lock_guard guard(lock_);
  if (flow_ != GST_FLOW_NOT_LINKED) return;
  popped_ = false;
  flow_ = GST_FLOW_OK;
  gst_pad_start_task(srcpad_, loop_, loop_data_, nullptr);
}

bool FrameQueue::stop(GstFlowReturn why) {
  std::lock_guard guard(lock_);
  if (flow_ == GST_FLOW_OK || why == GST_FLOW_FLUSHING) flow_ = why;
  changed_.notify_all();
  return eos_;
}

void FrameQueue::clear() {
  std::deque<Item> dropped;
  {
    std::lock_guard guard(lock_);
    dropped.swap(items_);
    late_.clear();
    frames_ = 0;
    changed_.notify_all();
  }
  keep_sticky_events(dropped);
}

GstFlowReturn FrameQueue::refusal() const { return flow_ != GST_FLOW_OK || !eos_ ? flow_ : GST_FLOW_EOS; }

GstFlowReturn FrameQueue::wait_for_room() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [this] { return refusal() != GST_FLOW_OK || frames_ < limits_.frames; });
  return refusal();
}

GstFlowReturn FrameQueue::push(std::shared_ptr<PendingFrame> frame) {
  std::lock_guard guard(lock_);
  if (refusal() != GST_FLOW_OK) return refusal();
  items_.push_back({.frame = std::move(frame)});
  ++frames_;
  changed_.notify_all();
  return GST_FLOW_OK;
}

// A sticky event is kept even when nothing flows: after a relink it is part of what downstream has to know.
GstFlowReturn FrameQueue::push(EventPtr event) {
  std::lock_guard guard(lock_);
  const GstEventType type = GST_EVENT_TYPE(event.get());
  const bool keep = is_sticky(event.get()) && type != GST_EVENT_EOS && flow_ != GST_FLOW_FLUSHING;
  if (flow_ != GST_FLOW_OK && !keep) return flow_;
  if (type == GST_EVENT_EOS) eos_ = true;
  if (type == GST_EVENT_SEGMENT || type == GST_EVENT_STREAM_START) eos_ = false;
  items_.push_back({.event = std::move(event)});
  changed_.notify_all();
  return GST_FLOW_OK;
}

bool FrameQueue::wait_until_drained() {
  std::unique_lock guard(lock_);
  changed_.wait(guard, [this] { return flow_ != GST_FLOW_OK || (items_.empty() && !popped_); });
  return flow_ == GST_FLOW_OK;
}

void FrameQueue::await(PendingFrame& frame, int views) {
  std::lock_guard guard(lock_);
  frame.views_awaited = views;
  ++awaited_;
}

std::size_t FrameQueue::awaited() const {
  std::lock_guard guard(lock_);
  return awaited_;
}

void FrameQueue::complete(const std::shared_ptr<PendingFrame>& frame, const Result<Embedding>& view) {
  std::lock_guard guard(lock_);
  if (view) {
    frame->embedding.add_view(*view, normalize_);
  } else if (!frame->error) {
    frame->error = view.error();
  }
  if (--frame->views_awaited > 0) return;
  frame->embedding.finish(normalize_);
  --awaited_;
  if (frame->left_early && flow_ == GST_FLOW_OK) late_.push_back(frame);
  changed_.notify_all();
}

// What is said at EOS covers embeddings that come late, so it waits for them.
bool FrameQueue::event_is_ready(GstEvent* event) const {
  return GST_EVENT_TYPE(event) != GST_EVENT_EOS || awaited_ == 0;
}

std::optional<FrameQueue::Item> FrameQueue::take_ready() {
  if (!late_.empty()) {
    Item item{.frame = std::move(late_.front())};
    late_.pop_front();
    return item;
  }
  if (items_.empty()) return std::nullopt;
  Item& front = items_.front();
  if (front.event && !event_is_ready(front.event.get())) return std::nullopt;
  if (front.frame) {
    const bool early = front.frame->views_awaited > 0;
    if (early && frames_ <= limits_.held) return std::nullopt;
    front.frame->left_early = early;
    --frames_;
  }
  Item item = std::move(front);
  items_.pop_front();
  return item;
}

std::optional<FrameQueue::Item> FrameQueue::pop() {
  std::unique_lock guard(lock_);
  popped_ = false;
  changed_.notify_all();
  std::optional<Item> item;
  changed_.wait(guard, [&] { return flow_ != GST_FLOW_OK || (item = take_ready()); });
  if (!item) {
    // Under the lock, so that a start() that comes now is not undone.
    gst_pad_pause_task(srcpad_);
    return std::nullopt;
  }
  popped_ = true;
  changed_.notify_all();
  return item;
}

void FrameQueue::skip_segment() {
  std::deque<Item> dropped;
  {
    std::lock_guard guard(lock_);
    while (!items_.empty() && !ends_segment(items_.front())) {
      if (items_.front().frame) --frames_;
      dropped.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    if (items_.empty()) eos_ = true;
    changed_.notify_all();
  }
  keep_sticky_events(dropped);
}

void FrameQueue::keep_sticky_events(const std::deque<Item>& dropped) {
  for (const Item& item : dropped) {
    if (!item.event) continue;
    GstEvent* event = item.event.get();
    const GstEventType type = GST_EVENT_TYPE(event);
    if (is_sticky(event) && type != GST_EVENT_SEGMENT && type != GST_EVENT_EOS) {
      gst_pad_store_sticky_event(srcpad_, event);
    }
  }
}

GstFlowReturn FrameQueue::flow() const {
  std::lock_guard guard(lock_);
  return flow_;
}

}  // namespace clipembed
