#include "tools/media/video_pipeline.h"

#include <gst/gst.h>

#include <optional>

#include "tools/gobject_ptr.h"
#include "tools/media/chosen_frames.h"
#include "tools/media/file_feed.h"

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

// deinterlace looks at no other frame (chosen ones are far apart) and gives one frame for each.
constexpr char kOrient[] = "deinterlace fields=top method=linear ! videoflip name=flip";

Placeholders placeholders(const MediaOptions& options) {
  return {{"source", kFileSource},
          {"select", "clipselect name=select frames=" + std::to_string(options.frames) +
                         " post-scores=" + (options.scores ? "true" : "false")},
          {"orient", options.auto_orient ? std::string(kOrient) + " video-direction=auto" : kOrient},
          {"embed", "clipembed name=embed"},
          {"sink", kFrameSink}};
}

class VideoPipeline {
 public:
  VideoPipeline(const MediaFile& file, const MediaOptions& options) : file_(file), options_(options) {}
  ~VideoPipeline() {
    if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }

  Result<MediaEmbedding> run(const EmbedderSettings& settings, Deadline& deadline, const ProgressCallback& progress);

 private:
  Status start(const EmbedderSettings& settings);
  GObjectPtr<GstElement> element(const char* name) const {
    return GObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }
  // The end, or nullopt to go on.
  std::optional<Status> handle(GstMessage* message);
  std::optional<Error> check_streams(GstMessage* message) const;
  Error error_of(GstMessage* message) const;
  void note_missing_plugin(GstMessage* message);
  void report(const ProgressCallback& progress) const;
  Result<MediaEmbedding> result(bool normalize);
  Error unusable(Error::Kind kind, const std::string& why) const { return Error{kind, file_.name() + ": " + why}; }

  const MediaFile& file_;
  const MediaOptions& options_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  GObjectPtr<GstElement> pipeline_;
  std::string missing_plugin_;  // what GStreamer says it lacks
  ChosenFrames frames_;
};

Status VideoPipeline::start(const EmbedderSettings& settings) {
  const Result<std::string> line = expand_pipeline(options_.pipelines.video, placeholders(options_));
  if (!line) return line.error();
  g_autoptr(GError) error = nullptr;
  pipeline_.reset(gst_parse_launch(line->c_str(), &error));
  if (!pipeline_ || error) return Error{Error::Kind::kLibrary, error->message};
  feed_file(GST_APP_SRC(element("source").get()), file_);
  if (const auto decoder = element("decoder");
      decoder && g_signal_lookup("select-stream", G_OBJECT_TYPE(decoder.get())))
    g_signal_connect(decoder.get(), "select-stream", G_CALLBACK(select_stream), nullptr);
  configure_embedder(element("embed").get(), settings);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);  // a failure is on the bus as well
  return ok();
}

Result<MediaEmbedding> VideoPipeline::run(const EmbedderSettings& settings, Deadline& deadline,
                                          const ProgressCallback& progress) {
  if (Status started = start(settings); !started) return std::move(started).error();
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline_.get());
  while (!deadline.abandoned()) {
    GstMessage* message = gst_bus_timed_pop(bus, kPollInterval);
    report(progress);
    if (!message) continue;
    deadline.feed();
    const std::optional<Status> end = handle(message);
    gst_message_unref(message);
    if (end) return *end ? result(settings.normalize) : Result<MediaEmbedding>(end->error());
  }
  return unusable(Error::Kind::kCancelled, "given up");
}

std::optional<Status> VideoPipeline::handle(GstMessage* message) {
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      note_missing_plugin(message);
      frames_.see(message);
      return std::nullopt;
    case GST_MESSAGE_STREAM_COLLECTION:
      if (auto error = check_streams(message)) return std::move(*error);
      return std::nullopt;
    case GST_MESSAGE_ERROR:
      return error_of(message);
    case GST_MESSAGE_EOS:
      if (frames_.size() == 0) return unusable(Error::Kind::kFailed, "no frame could be decoded");
      return ok();
    default:
      return std::nullopt;
  }
}

void VideoPipeline::report(const ProgressCallback& progress) const {
  gint64 position = 0, duration = 0;
  if (!progress || !gst_element_query_position(pipeline_.get(), GST_FORMAT_TIME, &position)) return;
  MediaProgress now{.position = std::chrono::nanoseconds(position), .duration = {}};
  if (gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &duration) && duration > 0)
    now.duration = std::chrono::nanoseconds(duration);
  progress(now);
}

Result<MediaEmbedding> VideoPipeline::result(bool normalize) {
  MediaEmbedding embedding;
  embedding.is_video = true;
  frames_.take(embedding);
  embedding.vector = mean_vector(embedding.frames, normalize);
  return embedding;
}

std::optional<Error> VideoPipeline::check_streams(GstMessage* message) const {
  g_autoptr(GstStreamCollection) collection = nullptr;
  gst_message_parse_stream_collection(message, &collection);
  GstStream* video = first_video(collection);
  if (!video) return unusable(Error::Kind::kFormat, "there is no video stream in it");

  g_autoptr(GstCaps) caps = gst_stream_get_caps(video);
  gint width = 0, height = 0;
  if (!caps || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return std::nullopt;
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  if (!gst_structure_get_int(structure, "width", &width) || !gst_structure_get_int(structure, "height", &height))
    return std::nullopt;
  if (std::uint64_t(width) * std::uint64_t(height) <= options_.max_pixels) return std::nullopt;
  return unusable(Error::Kind::kFailed, "frames of " + std::to_string(width) + " x " + std::to_string(height) +
                                            " pixels are more than the limit of " +
                                            std::to_string(options_.max_pixels) + " (see --max-pixels)");
}

Error VideoPipeline::error_of(GstMessage* message) const {
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  const bool unknown = g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
                       !missing_plugin_.empty();
  if (!unknown) return unusable(Error::Kind::kFailed, error->message);
  return unusable(Error::Kind::kFormat,
                  missing_plugin_.empty() ? error->message : "GStreamer has no " + missing_plugin_ + " here");
}

// Posted by parsebin and decodebin3 where a plugin could help; gst-plugins-base, "missing-plugin" messages.
void VideoPipeline::note_missing_plugin(GstMessage* message) {
  if (!gst_message_has_name(message, "missing-plugin")) return;
  if (const char* name = gst_structure_get_string(gst_message_get_structure(message), "name")) missing_plugin_ = name;
}

}  // namespace

Result<MediaEmbedding> embed_video(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings,
                                   Deadline& deadline, const ProgressCallback& progress) {
  return VideoPipeline(file, options).run(settings, deadline, progress);
}

}  // namespace clipembed
