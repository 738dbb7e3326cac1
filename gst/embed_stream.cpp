#include "gst/embed_stream.h"

#include <algorithm>
#include <utility>

#include "gst/allocation_query.h"
#include "gst/element_error.h"
#include "gst/embedding_meta.h"
#include "lib/model/model.h"

GST_DEBUG_CATEGORY_EXTERN(gst_clip_embed_debug);
#define GST_CAT_DEFAULT gst_clip_embed_debug

namespace clipembed {
namespace {

using Clock = std::chrono::steady_clock;

// With overload=skip a frame leaves when the second one after it comes, at the latest.
constexpr std::size_t kHeldBySkip = 2;

EngineOptions engine_options(const Settings& settings) {
  const bool any_model = settings.model.empty() && !settings.engine.empty();
  return {.model = settings.model.empty() && !any_model ? std::string(kDefaultModel) : settings.model,
          .tower = {.device = settings.device,
                    .precision = settings.precision,
                    .threads = static_cast<int>(settings.threads)},
          .server = settings.engine};
}

// One batch in the tower while the next one gathers: more would only add latency and hold the decoder's buffers.
FrameQueue::Limits queue_limits(const Settings& settings) {
  if (settings.overload == Overload::kSkip) return {.frames = kHeldBySkip + 1, .held = kHeldBySkip};
  const std::size_t frames = 2 * std::size_t{settings.batch_size};
  return {.frames = frames, .held = frames};
}

// As basesrc and queue see it: flushing and EOS are part of life.
bool is_fatal(GstFlowReturn flow) { return flow == GST_FLOW_NOT_LINKED || flow < GST_FLOW_EOS; }

}  // namespace

Result<std::shared_ptr<EmbedStream>> EmbedStream::open(GstElement* element, GstPad* srcpad, const Settings& settings) {
  auto engine = shared_engine(engine_options(settings));
  if (!engine) return std::move(engine).error();
  const EngineInfo& info = (*engine)->info();
  GST_INFO_OBJECT(element, "%s: %d floats, %s on %s", info.model.c_str(), info.dim, to_string(info.precision),
                  info.device.c_str());
  return std::make_shared<EmbedStream>(element, srcpad, settings, *std::move(engine));
}

EmbedStream::EmbedStream(GstElement* element, GstPad* srcpad, const Settings& settings, std::shared_ptr<Engine> engine)
    : element_(element),
      srcpad_(srcpad),
      settings_(settings),
      engine_(std::move(engine)),
      post_messages_(settings.post_messages),
      attach_meta_(settings.attach_meta),
      trigger_(settings.trigger),
      interval_(settings.interval),
      queue_(
          srcpad, [](gpointer self) { static_cast<EmbedStream*>(self)->loop(); }, this, queue_limits(settings),
          settings.normalize),
      preprocessor_(engine_->info().input, settings.augment),
      frame_trigger_(element),
      session_(engine_->open_session(
          {.batch_size = static_cast<int>(settings.batch_size),
           .batch_timeout = std::chrono::nanoseconds(settings.batch_timeout),
           .outage =
               settings.overload == Overload::kSkip ? SessionOptions::Outage::kFail : SessionOptions::Outage::kWait,
           .availability_changed = [this](const Status& status) { engine_came_or_went(status); }})) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
}

void EmbedStream::update(const Settings& settings) {
  post_messages_ = settings.post_messages;
  attach_meta_ = settings.attach_meta;
  trigger_ = settings.trigger;
  interval_ = settings.interval;
}

GstStructure* EmbedStream::stats() const {
  return gst_structure_new("clip-stats",                                         //
                           "frames", G_TYPE_UINT64, guint64{stats_.frames},      //
                           "embedded", G_TYPE_UINT64, guint64{stats_.embedded},  //
                           "late", G_TYPE_UINT64, guint64{stats_.late},          //
                           "skipped", G_TYPE_UINT64, guint64{stats_.skipped}, nullptr);
}

// ---- pads coming and going ----

void EmbedStream::activate() {
  error_posted_ = false;
  session_->resume();
  queue_.start();
}

// The order matters here and in flush_start(): first nothing is accepted any more, then what is in the engine is
// cancelled.
void EmbedStream::deactivate() {
  queue_.stop(GST_FLOW_FLUSHING);
  session_->cancel();
}

void EmbedStream::flush_start() {
  deactivate();
  gst_pad_pause_task(srcpad_);  // returns once the task is out of loop()
  summary_ = {};
}

void EmbedStream::flush_stop() {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  frame_trigger_.reset();
  next_number_ = 0;
  activate();
}

// ---- streaming thread ----

GstFlowReturn EmbedStream::chain(BufferPtr buffer) {
  if (!format_) {
    GST_ELEMENT_ERROR(element_, CORE, NEGOTIATION, (nullptr), ("a frame came before its caps"));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (const GstFlowReturn flow = queue_.wait_for_room(); flow != GST_FLOW_OK) return flow;

  auto frame = std::make_shared<PendingFrame>();
  frame->number = next_number_++;
  ++stats_.frames;
  frame->times = times_of(buffer.get());
  frame->choice = frame_trigger_.choose(trigger_, interval_, buffer.get(), frame->times.stream_time);
  frame->buffer = std::move(buffer);
  if (frame->choice) {
    if (Status embedded = embed(frame); !embedded) return fail(embedded.error());
  }
  return queue_.push(std::move(frame));
}

// What the engine refuses is the frame's own error, which the task deals with in its turn.
Status EmbedStream::embed(const std::shared_ptr<PendingFrame>& frame) {
  if (settings_.overload == Overload::kSkip && queue_.awaited() >= std::max<std::size_t>(settings_.batch_size, 2)) {
    frame->error = Error{Error::Kind::kBusy, "the model is busy with earlier frames"};
    return ok();
  }
  const auto start = Clock::now();
  auto pictures = preprocess(frame->buffer.get());
  if (!pictures) return std::move(pictures).error();
  frame->preprocess = Clock::now() - start;

  const auto when_full = settings_.overload == Overload::kSkip ? Session::WhenFull::kRefuse : Session::WhenFull::kBlock;
  bool taken = true;
  queue_.await(*frame, static_cast<int>(pictures->size()));
  for (Picture& picture : *pictures) {
    const Status accepted = session_->submit(
        std::move(picture), [this, frame](const Result<Embedding>& view) { queue_.complete(frame, view); }, when_full);
    if (accepted) continue;
    taken = false;
    queue_.complete(frame, accepted.error());
  }
  if (taken) frame_trigger_.taken();
  return ok();
}

Result<std::vector<Picture>> EmbedStream::preprocess(GstBuffer* buffer) {
  const MappedFrame mapped(*format_, buffer);
  if (!mapped) {
    return Error{Error::Kind::kFailed,
                 "cannot read a frame: its buffer cannot be mapped, or holds less than its caps say"};
  }
  return preprocessor_.run(mapped.view());
}

FrameTimes EmbedStream::times_of(GstBuffer* buffer) const {
  FrameTimes times{.timestamp = GST_BUFFER_PTS(buffer), .duration = GST_BUFFER_DURATION(buffer)};
  if (segment_.format == GST_FORMAT_TIME) {
    times.stream_time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, times.timestamp);
    times.running_time = gst_segment_to_running_time(&segment_, GST_FORMAT_TIME, times.timestamp);
  }
  return times;
}

GstFlowReturn EmbedStream::sink_event(EventPtr event) {
  const GstEventType type = GST_EVENT_TYPE(event.get());
  if (!(gst_event_type_get_flags(type) & GST_EVENT_TYPE_SERIALIZED)) {
    // Downstream flushes first: that is what lets the task out of gst_pad_push().
    const bool pushed = gst_pad_push_event(srcpad_, event.release());
    if (type == GST_EVENT_FLUSH_START) flush_start();
    return pushed ? GST_FLOW_OK : GST_FLOW_ERROR;
  }
  switch (type) {
    case GST_EVENT_FLUSH_STOP: {
      const bool pushed = gst_pad_push_event(srcpad_, event.release());
      flush_stop();
      return pushed ? GST_FLOW_OK : GST_FLOW_ERROR;
    }
    case GST_EVENT_CAPS:
      if (!set_caps(event.get())) return GST_FLOW_NOT_NEGOTIATED;
      break;
    case GST_EVENT_STREAM_START:
      frame_trigger_.reset();
      break;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event.get(), &segment_);
      frame_trigger_.set_rate(segment_.rate);
      break;
    case GST_EVENT_EOS:
      next_number_ = 0;
      session_->flush();
      break;
    case GST_EVENT_SEGMENT_DONE:
      session_->flush();
      break;
    default:
      frame_trigger_.see(event.get());
      break;
  }
  const GstFlowReturn flow = queue_.push(std::move(event));
  // Upstream asks for no flow return after EOS, so an error that it has not seen yet is posted instead, as `queue`
  // does.
  if (type == GST_EVENT_EOS && is_fatal(flow) && !error_posted_) GST_ELEMENT_FLOW_ERROR(element_, flow);
  return flow;
}

bool EmbedStream::set_caps(GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  format_ = parse_frame_format(caps);
  if (!format_) {
    GST_ERROR_OBJECT(element_, "cannot use caps %" GST_PTR_FORMAT, caps);
    return false;
  }
  frame_duration_ = format_->frame_duration();
  return true;
}

// This thread is the only one that fills the queue, so once it is empty the query keeps its place in the order.
bool EmbedStream::serialized_query(GstQuery* query) {
  session_->flush();
  if (!queue_.wait_until_drained()) return false;
  const bool answered = gst_pad_peer_query(srcpad_, query);
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) {
    amend_allocation(query, static_cast<guint>(queue_limits(settings_).frames));
  }
  return answered;
}

// ---- source-pad task ----

void EmbedStream::loop() {
  std::optional<FrameQueue::Item> item = queue_.pop();
  if (!item) return;
  const GstFlowReturn flow = item->frame ? push_downstream(*item->frame) : push_downstream(std::move(item->event));
  if (flow == GST_FLOW_EOS) {
    queue_.skip_segment();
  } else if (flow != GST_FLOW_OK) {
    give_up(flow);
  }
}

GstFlowReturn EmbedStream::push_downstream(PendingFrame& frame) {
  const bool early = frame.left_early && frame.buffer;
  if (frame.choice && !early) {
    const GstFlowReturn flow = frame.error ? go_without(frame) : give_embedding(frame);
    if (flow != GST_FLOW_OK) return flow;
  }
  return frame.buffer ? gst_pad_push(srcpad_, frame.buffer.release()) : GST_FLOW_OK;
}

// Without a buffer the frame has left already.
GstFlowReturn EmbedStream::give_embedding(PendingFrame& frame) {
  const EngineInfo& engine = engine_->info();
  const bool late = !frame.buffer;
  ++(late ? stats_.late : stats_.embedded);
  if (post_messages_) {
    gst_element_post_message(element_, new_embedding_message(element_, engine, frame, late, settings_.normalize));
  }
  if (attach_meta_ && !late) {
    frame.buffer = BufferPtr(gst_buffer_make_writable(frame.buffer.release()));
    attach_embedding(frame.buffer.get(), engine, frame.embedding.values, settings_.normalize,
                     frame.choice->reason.c_str(), frame.choice->scene_index, frame.choice->score);
  }
  summary_.add(frame);
  note_inference(static_cast<GstClockTime>(frame.embedding.batch_time.count()));
  return GST_FLOW_OK;
}

GstFlowReturn EmbedStream::go_without(const PendingFrame& frame) {
  // Cancelled by a flush that stopped the queue after the pop.
  if (const GstFlowReturn flow = queue_.flow(); flow != GST_FLOW_OK) return flow;
  if (frame.error->kind != Error::Kind::kBusy && frame.error->kind != Error::Kind::kUnavailable) {
    return fail(*frame.error);
  }
  GST_LOG_OBJECT(element_, "frame %" G_GUINT64_FORMAT " skipped: %s", frame.number, frame.error->message.c_str());
  ++stats_.skipped;
  summary_.add_skipped();
  const FrameTimes& times = frame.times;
  GstMessage* message = gst_message_new_qos(GST_OBJECT_CAST(element_), live_, times.running_time, times.stream_time,
                                            times.timestamp, times.duration);
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, stats_.embedded + stats_.late, stats_.skipped);
  gst_element_post_message(element_, message);
  return GST_FLOW_OK;
}

GstFlowReturn EmbedStream::push_downstream(EventPtr event) {
  if (GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS) {
    if (post_messages_) {
      gst_element_post_message(element_, summary_.new_message(element_, engine_->info(), settings_.normalize));
    }
    summary_ = {};
  }
  gst_pad_push_event(srcpad_, event.release());  // what downstream thinks of it comes back with the next frame
  return GST_FLOW_OK;
}

// For its first batches, and while the machine gets busier, the engine takes longer than was told. A quarter of
// headroom keeps small differences from re-configuring the pipeline's latency each time.
void EmbedStream::note_inference(GstClockTime inference) {
  if (inference <= batch_time_) return;
  batch_time_ = inference + inference / 4;
  if (live_) gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT_CAST(element_)));
}

// With overload=skip no frame stays longer than it takes two more to come.
GstClockTime EmbedStream::latency() const {
  const GstClockTime duration = frame_duration_;
  const bool known = GST_CLOCK_TIME_IS_VALID(duration);
  GstClockTime filling = settings_.batch_size > 1 ? settings_.batch_timeout : 0;
  if (known && trigger_ == Trigger::kEvery) filling = std::min(filling, (settings_.batch_size - 1) * duration);
  const GstClockTime latency = filling + batch_time_;
  if (settings_.overload == Overload::kSkip && known) return std::min(latency, kHeldBySkip * duration);
  return latency;
}

// ---- when it cannot go on ----

GstFlowReturn EmbedStream::fail(const Error& error) {
  error_posted_ = true;
  post_error(element_, error);
  return GST_FLOW_ERROR;
}

// An engine server. Frames go on without it or wait for it, as they were told; somebody should know.
void EmbedStream::engine_came_or_went(const Status& status) {
  if (status) {
    GST_ELEMENT_INFO(element_, RESOURCE, OPEN_READ_WRITE, ("the engine is back"), (nullptr));
    return;
  }
  const char* meanwhile = settings_.overload == Overload::kSkip ? "frames pass without embeddings until it is back"
                                                                : "frames wait until it is back";
  GST_ELEMENT_WARNING(element_, RESOURCE, OPEN_READ_WRITE, ("%s; %s", status.error().message.c_str(), meanwhile),
                      (nullptr));
}

// The next pop() pauses the task. What is queued stays for a relink, and is of no use after any other reason.
// Downstream gets EOS to finish what it has where upstream will not send one any more, or sees it refused because of
// our own error.
void EmbedStream::give_up(GstFlowReturn flow) {
  GST_DEBUG_OBJECT(element_, "task stops: %s", gst_flow_get_name(flow));
  const bool upstream_is_done = queue_.stop(flow);
  if (flow != GST_FLOW_NOT_LINKED) {
    session_->cancel();
    queue_.clear();
  }
  if (!is_fatal(flow) || (!upstream_is_done && !error_posted_)) return;
  if (!error_posted_) GST_ELEMENT_FLOW_ERROR(element_, flow);
  gst_pad_push_event(srcpad_, gst_event_new_eos());
}

}  // namespace clipembed
