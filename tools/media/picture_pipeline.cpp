#include "tools/media/picture_pipeline.h"

#include <gst/app/gstappsrc.h>

#include <memory>
#include <string>
#include <utility>

#include "tools/media/pixel_buffer.h"

namespace clipembed {
namespace {

Error error_of(GstMessage* message) {
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  return Error{Error::Kind::kFailed, error->message};
}

MediaEmbedding result_of(EmbeddingMessage embedding, std::chrono::nanoseconds decode) {
  MediaEmbedding result;
  result.vector = std::move(embedding.vector);
  result.timings = embedding.timings;
  result.timings.decode = decode;
  return result;
}

}  // namespace

PicturePipeline::~PicturePipeline() {
  stop();
  fail_all(Error{Error::Kind::kCancelled, "the program is ending"});
}

void PicturePipeline::embed(StillImage image, Completion done) {
  std::lock_guard pipeline_lock(pipeline_mutex_);
  if (Status started = start(); !started) return done(std::move(started).error());
  const auto decode = image.decode;
  GstBuffer* buffer = wrap_pixels(std::move(image));
  g_autoptr(GstCaps) caps = caps_of(buffer);
  {
    std::lock_guard lock(waiting_mutex_);
    GST_BUFFER_PTS(buffer) = next_timestamp_++;
    waiting_.emplace(GST_BUFFER_PTS(buffer), Waiting{decode, std::move(done)});
  }
  g_autoptr(GstSample) sample = gst_sample_new(buffer, caps, nullptr, nullptr);
  gst_buffer_unref(buffer);
  const GstFlowReturn flow = gst_app_src_push_sample(GST_APP_SRC(source_.get()), sample);

  // An error that came after start() and before this picture was known did not fail it. Still under pipeline_mutex_, as
  // a new start() would forget the error.
  if (flow != GST_FLOW_OK) fail_all(Error{Error::Kind::kFailed, std::string("appsrc: ") + gst_flow_get_name(flow)});
  std::unique_lock lock(waiting_mutex_);
  const std::optional<Error> failure = failure_;
  lock.unlock();
  if (failure) fail_all(*failure);
}

void PicturePipeline::finish() {
  std::lock_guard lock(pipeline_mutex_);
  if (source_) gst_app_src_end_of_stream(GST_APP_SRC(source_.get()));
}

Status PicturePipeline::start() {
  {
    std::lock_guard lock(waiting_mutex_);
    if (pipeline_ && !failure_) return ok();
  }
  stop();  // first, so that nothing of the old pipeline can fail the new one
  {
    std::lock_guard lock(waiting_mutex_);
    failure_.reset();
  }
  const Result<std::string> line = expand_pipeline(text_, {{"source", "appsrc name=source format=time max-bytes=0"},
                                                           {"embed", "clipembed name=embed"},
                                                           {"sink", kFrameSink}});
  if (!line) return line.error();
  g_autoptr(GError) error = nullptr;
  pipeline_.reset(gst_parse_launch(line->c_str(), &error));
  if (!pipeline_ || error) {
    pipeline_.reset();  // what could be made of the line
    return Error{Error::Kind::kLibrary, error->message};
  }
  source_.reset(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "source"));
  g_autoptr(GstElement) clipembed = gst_bin_get_by_name(GST_BIN(pipeline_.get()), "embed");
  configure_embedder(clipembed, settings_);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline_.get());
  gst_bus_set_sync_handler(bus, on_message, this, nullptr);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) return ok();
  stop();
  std::lock_guard lock(waiting_mutex_);
  return failure_.value_or(Error{Error::Kind::kFailed, "the pipeline for still images does not start"});
}

// Returns once no message handler of the pipeline is running any more.
void PicturePipeline::stop() {
  if (!pipeline_) return;
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  source_.reset();
  pipeline_.reset();
}

void PicturePipeline::fail_all(const Error& error) {
  std::unordered_map<std::uint64_t, Waiting> failing;
  {
    std::lock_guard lock(waiting_mutex_);
    failing.swap(waiting_);
    failure_ = error;
  }
  for (auto& [timestamp, waiting] : failing) waiting.done(error);
}

GstBusSyncReply PicturePipeline::on_message(GstBus*, GstMessage* message, gpointer data) {
  auto* self = static_cast<PicturePipeline*>(data);
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    self->fail_all(error_of(message));
  } else if (std::optional<EmbeddingMessage> embedding = read_embedding(message)) {
    std::unique_lock lock(self->waiting_mutex_);
    auto node = self->waiting_.extract(embedding->timestamp);
    lock.unlock();
    if (node) node.mapped().done(result_of(*std::move(embedding), node.mapped().decode));
  }
  gst_message_unref(message);
  return GST_BUS_DROP;
}

}  // namespace clipembed
