#include "gst/embed_stream.h"

#include <utility>

#include "gst/element_error.h"
#include "lib/model/model.h"

GST_DEBUG_CATEGORY_EXTERN(gst_clip_embed_debug);
#define GST_CAT_DEFAULT gst_clip_embed_debug

namespace clipembed {
namespace {

using Clock = std::chrono::steady_clock;

EngineOptions engine_options(const Settings& settings) {
  return {
      .model = settings.model.empty() ? std::string(kDefaultModel) : settings.model,
      .tower = {
          .device = settings.device, .precision = settings.precision, .threads = static_cast<int>(settings.threads)}};
}

SessionOptions session_options(const Settings& settings) {
  return {.batch_size = static_cast<int>(settings.batch_size),
          .batch_timeout = std::chrono::nanoseconds(settings.batch_timeout)};
}

// One batch in the tower while the next one gathers: more would only add latency and hold the decoder's buffers.
std::size_t queue_capacity(const Settings& settings) { return 2 * std::size_t{settings.batch_size}; }

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
      queue_(
          srcpad, [](gpointer self) { static_cast<EmbedStream*>(self)->loop(); }, this, queue_capacity(settings)),
      preprocessor_(engine_->info().input),
      session_(engine_->open_session(session_options(settings))) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
}

// ---- pads coming and going
// ----------------------------------------------------------------------------------------------

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
  activate();
}

// ---- streaming thread
// ---------------------------------------------------------------------------------------------------

GstFlowReturn EmbedStream::chain(BufferPtr buffer) {
  if (!format_) {
    GST_ELEMENT_ERROR(element_, CORE, NEGOTIATION, (nullptr), ("a frame came before its caps"));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (const GstFlowReturn flow = queue_.wait_for_room(); flow != GST_FLOW_OK) return flow;

  Picture picture(engine_->info().input.bytes());
  const auto start = Clock::now();
  if (Status done = preprocess(buffer.get(), picture); !done) return fail(done.error());

  auto frame = std::make_shared<PendingFrame>();
  frame->preprocess = Clock::now() - start;
  frame->times = times_of(buffer.get());
  frame->buffer = std::move(buffer);
  Status accepted = session_->submit(
      std::move(picture), [this, frame](Result<Embedding> outcome) { queue_.complete(*frame, std::move(outcome)); });
  if (!accepted) {
    // A cancelled session is a stopped queue, which knows why.
    const GstFlowReturn flow = queue_.flow();
    return flow == GST_FLOW_OK ? fail(accepted.error()) : flow;
  }
  return queue_.push(std::move(frame));
}

Status EmbedStream::preprocess(GstBuffer* buffer, Picture& picture) {
  const MappedFrame mapped(*format_, buffer);
  if (!mapped) {
    return Error{Error::Kind::kFailed,
                 "cannot read a frame: its buffer cannot be mapped, or holds less than its caps say"};
  }
  return preprocessor_.run(mapped.view(), picture);
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
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event.get(), &segment_);
      break;
    case GST_EVENT_SEGMENT_DONE:
    case GST_EVENT_EOS:
      session_->flush();
      break;
    default:
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
  if (!format_) GST_ERROR_OBJECT(element_, "cannot use caps %" GST_PTR_FORMAT, caps);
  return format_.has_value();
}

// This thread is the only one that fills the queue, so once it is empty the query keeps its place in the order.
bool EmbedStream::serialized_query(GstQuery* query) {
  session_->flush();
  return queue_.wait_until_drained() && gst_pad_peer_query(srcpad_, query);
}

// ---- source-pad task
// ----------------------------------------------------------------------------------------------------

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
  Result<Embedding>& outcome = *frame.outcome;
  if (!outcome) {
    const GstFlowReturn flow = queue_.flow();  // cancelled by a flush that stopped the queue after the pop
    return flow == GST_FLOW_OK ? fail(outcome.error()) : flow;
  }
  post_embedding(frame, *outcome);
  note_inference(static_cast<GstClockTime>(outcome->inference.count()));
  return gst_pad_push(srcpad_, frame.buffer.release());
}

void EmbedStream::post_embedding(const PendingFrame& frame, Embedding& embedding) {
  if (settings_.normalize) l2_normalise(embedding.values);
  if (post_messages_) {
    gst_element_post_message(element_, new_embedding_message(element_, engine_->info(), summary_.frames(), frame.times,
                                                             embedding, frame.preprocess, settings_.normalize));
  }
  summary_.add(embedding, frame.preprocess);
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

GstClockTime EmbedStream::latency() const {
  return (settings_.batch_size > 1 ? settings_.batch_timeout : 0) + batch_time_;
}

// ---- when it cannot go on
// -----------------------------------------------------------------------------------------------

GstFlowReturn EmbedStream::fail(const Error& error) {
  error_posted_ = true;
  post_error(element_, error);
  return GST_FLOW_ERROR;
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
