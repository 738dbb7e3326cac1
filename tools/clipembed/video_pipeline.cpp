#include "tools/clipembed/video_pipeline.h"

#include <gst/gst.h>

#include <optional>

#include "tools/gobject_ptr.h"

namespace clipembed {
namespace {

constexpr GstClockTime kPollInterval = 100 * GST_MSECOND;  // between looks at whether the file was given up

GstStream* first_video(GstStreamCollection* collection) {
  for (guint i = 0; i < gst_stream_collection_get_size(collection); ++i) {
    GstStream* stream = gst_stream_collection_get_stream(collection, i);
    if (gst_stream_get_stream_type(stream) & GST_STREAM_TYPE_VIDEO) return stream;
  }
  return nullptr;
}

// decodebin3's "select-stream": what is not decoded costs nothing.
gint select_stream(GstElement*, GstStreamCollection* collection, GstStream* stream, gpointer) {
  return stream == first_video(collection) ? 1 : 0;
}

Error unusable(const std::string& path, Error::Kind kind, const std::string& why) {
  return Error{kind, path + ": " + why};
}

class VideoPipeline {
 public:
  VideoPipeline(const std::string& path, const VideoOptions& options) : path_(path), options_(options) {}
  ~VideoPipeline() {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  Result<EmbeddingMessage> run(const EmbedderSettings& settings, Deadline& deadline);

 private:
  Status start(const EmbedderSettings& settings);
  // An answer, or nullopt to go on.
  std::optional<Result<EmbeddingMessage>> handle(GstMessage* message);
  std::optional<Error> check_streams(GstMessage* message) const;
  Error error_of(GstMessage* message) const;
  void note_missing_plugin(GstMessage* message);

  const std::string& path_;
  const VideoOptions& options_;
  GObjectPtr<GstElement> pipeline_;
  std::string missing_plugin_;  // what GStreamer says it lacks
  std::optional<EmbeddingMessage> summary_;
};

Status VideoPipeline::start(const EmbedderSettings& settings) {
  g_autoptr(GError) error = nullptr;
  pipeline_.reset(
      gst_parse_launch("decodebin3 name=decoder ! videoconvert ! videoflip name=flip "
                       "! clipembed name=clipembed ! fakesink sync=false enable-last-sample=false",
                       &error));
  if (!pipeline_ || error) return Error{Error::Kind::kLibrary, error->message};
  GstBin* bin = GST_BIN(pipeline_.get());
  GstElement* source = gst_element_factory_make("filesrc", nullptr);  // the pipeline's
  g_autoptr(GstElement) decoder = gst_bin_get_by_name(bin, "decoder");
  g_autoptr(GstElement) flip = gst_bin_get_by_name(bin, "flip");
  g_autoptr(GstElement) clipembed = gst_bin_get_by_name(bin, "clipembed");
  g_object_set(source, "location", path_.c_str(), nullptr);
  g_signal_connect(decoder, "select-stream", G_CALLBACK(select_stream), nullptr);
  if (options_.auto_orient) gst_util_set_object_arg(G_OBJECT(flip), "video-direction", "auto");
  configure_embedder(clipembed, settings);
  // Linked last: decodebin3 (1.26) looks into the file as soon as it has a source.
  gst_bin_add(bin, source);
  gst_element_link(source, decoder);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);  // a failure is on the bus as well
  return ok();
}

Result<EmbeddingMessage> VideoPipeline::run(const EmbedderSettings& settings, Deadline& deadline) {
  if (Status started = start(settings); !started) return std::move(started).error();
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline_.get());
  while (!deadline.abandoned()) {
    GstMessage* message = gst_bus_timed_pop(bus, kPollInterval);
    if (!message) continue;
    deadline.feed();
    std::optional<Result<EmbeddingMessage>> answer = handle(message);
    gst_message_unref(message);
    if (answer) return std::move(*answer);
  }
  return Error{Error::Kind::kCancelled, path_ + ": given up"};
}

std::optional<Result<EmbeddingMessage>> VideoPipeline::handle(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      note_missing_plugin(message);
      if (auto summary = read_summary(message)) summary_ = std::move(summary);
      return std::nullopt;
    case GST_MESSAGE_STREAM_COLLECTION:
      if (auto error = check_streams(message)) return std::move(*error);
      return std::nullopt;
    case GST_MESSAGE_ERROR:
      return error_of(message);
    case GST_MESSAGE_EOS:
      if (!summary_ || summary_->vector.empty())
        return unusable(path_, Error::Kind::kFailed, "no frame could be decoded");
      return std::move(*summary_);
    default:
      return std::nullopt;
  }
}

std::optional<Error> VideoPipeline::check_streams(GstMessage* message) const {
  g_autoptr(GstStreamCollection) collection = nullptr;
  gst_message_parse_stream_collection(message, &collection);
  GstStream* video = first_video(collection);
  if (!video) return unusable(path_, Error::Kind::kFormat, "there is no video stream in it");

  g_autoptr(GstCaps) caps = gst_stream_get_caps(video);
  gint width = 0, height = 0;
  if (!caps || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return std::nullopt;
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  if (!gst_structure_get_int(structure, "width", &width) || !gst_structure_get_int(structure, "height", &height))
    return std::nullopt;
  if (std::uint64_t(width) * std::uint64_t(height) <= options_.max_pixels) return std::nullopt;
  return unusable(path_, Error::Kind::kFailed,
                  "frames of " + std::to_string(width) + " x " + std::to_string(height) +
                      " pixels are more than the limit of " + std::to_string(options_.max_pixels) +
                      " (see --max-pixels)");
}

Error VideoPipeline::error_of(GstMessage* message) const {
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const bool unknown = g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
                       !missing_plugin_.empty();
  if (!unknown) return unusable(path_, Error::Kind::kFailed, error->message);
  return unusable(path_, Error::Kind::kFormat,
                  missing_plugin_.empty() ? error->message : "GStreamer has no " + missing_plugin_ + " here");
}

// Posted by parsebin and decodebin3 where a plugin could help; gst-plugins-base, "missing-plugin" messages.
void VideoPipeline::note_missing_plugin(GstMessage* message) {
  if (!gst_message_has_name(message, "missing-plugin")) return;
  if (const char* name = gst_structure_get_string(gst_message_get_structure(message), "name")) missing_plugin_ = name;
}

}  // namespace

Result<EmbeddingMessage> embed_video(const std::string& path, const VideoOptions& options,
                                     const EmbedderSettings& settings, Deadline& deadline) {
  return VideoPipeline(path, options).run(settings, deadline);
}

}  // namespace clipembed
