#include "tools/media/video_run.h"

#include <algorithm>
#include <utility>

#include "tools/media/animation.h"
#include "tools/media/completeness.h"
#include "tools/media/decoder_choice.h"
#include "tools/media/file_feed.h"
#include "tools/media/stream_choice.h"

namespace clipembed {
namespace {

using std::chrono::nanoseconds;

constexpr GstClockTime kPollInterval = 100 * GST_MSECOND;  // between looks at whether the file was given up
constexpr std::chrono::milliseconds kReportInterval{100};
// parsebin (1.26) may swallow the error of a demuxer that fails as soon as it is plugged; nothing follows then. Devices
// may take some seconds to start.
constexpr std::chrono::seconds kFirstFrame{10};
// Less than this between the last frame and the duration is rounding, or sound that goes on.
constexpr std::chrono::seconds kMissingEnd{1};

// deinterlace looks at no other frame (chosen ones are far apart) and gives one frame for each.
constexpr char kOrient[] = "deinterlace fields=top method=linear ! videoflip";

// Chosen frames are far apart, and nobody sees them before the end: they may well wait to be embedded eight at once,
// which costs less than eight times one, above all beside a decoder.
constexpr char kPatientEmbed[] = "clipembed name=embed batch-timeout=2000000000";

Placeholders placeholders(const MediaOptions& options, const char* source) {
  return {{"source", source},
          {"select", "clipselect name=select frames=" + std::to_string(options.frames) +
                         " post-scores=" + (options.scores ? "true" : "false")},
          {"orient", options.auto_orient ? std::string(kOrient) + " video-direction=auto" : kOrient},
          {"embed", kPatientEmbed},
          {"sink", kFrameSink}};
}

std::string seconds(nanoseconds time) {
  g_autofree char* text = g_strdup_printf("%.1f s", std::chrono::duration<double>(time).count());
  return text;
}

GObjectPtr<GstPad> pad_of(GstElement* element, const char* name) {
  return GObjectPtr<GstPad>(element ? gst_element_get_static_pad(element, name) : nullptr);
}

}  // namespace

VideoRun::~VideoRun() {
  if (pipeline_) gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

Status VideoRun::build() {
  const bool animation = file_.type() != MediaType::kStream;
  if (!animation && lacks_index(file_))
    return unusable(Error::Kind::kFailed, "there is no index (moov) in it: the end of the file is missing");
  const std::string& text = animation ? options_.pipelines.animation : options_.pipelines.video;
  const Result<std::string> line =
      expand_pipeline(text, placeholders(options_, animation ? kAnimationSource : kFileSource));
  if (!line) return line.error();
  g_autoptr(GError) error = nullptr;
  pipeline_.reset(gst_parse_launch(line->c_str(), &error));
  if (!pipeline_ || error) return Error{Error::Kind::kLibrary, error->message};

  const auto source = element("source");
  if (!animation) {
    feed_file(GST_APP_SRC(source.get()), file_, reads_);
    return ok();
  }
  return feed_animation(GST_APP_SRC(source.get()), file_, options_.max_pixels, deadline_);
}

Status VideoRun::start() {
  if (Status built = build(); !built) return built;
  if (const auto decoder = element("decoder")) choose_first_video(decoder.get());
  const auto select = element("select"), embed = element("embed");
  tap_.emplace(pad_of(select ? select.get() : embed.get(), "sink"), pad_of(select.get(), "src"), options_, deadline_);
  pictures_.emplace(pad_of(embed.get(), "sink"), options_.picture_side);
  configure_embedder(embed.get(), settings_);
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);  // a failure is on the bus as well
  return ok();
}

VideoOutcome VideoRun::run(const ProgressCallback& progress) {
  if (Status started = start(); !started) return {.result = std::move(started).error()};
  alive_ = std::chrono::steady_clock::now();  // loading the model may have taken long
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline_.get());
  while (!deadline_.abandoned()) {
    GstMessage* message = gst_bus_timed_pop(bus, kPollInterval);
    report(progress);
    const std::optional<Status> end = message ? handle(message) : look_for_life();
    if (message) {
      deadline_.feed();
      gst_message_unref(message);
    }
    if (!end) continue;
    const bool keyframes_failed = !*end && tap_->sampling() == Sampling::kKeyframes;
    return {.result = *end ? Result<MediaEmbedding>(embedding()) : Result<MediaEmbedding>(end->error()),
            .failed_decoder = failed_decoder_,
            .failure = failure_,
            .keyframes_failed = keyframes_failed};
  }
  return {.result = unusable(Error::Kind::kCancelled, "given up")};
}

void VideoRun::report(const ProgressCallback& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (!progress || tap_->frames() == 0 || now - reported_ < kReportInterval) return;
  reported_ = now;
  progress({.position = tap_->position(), .duration = tap_->duration()});
}

// Before the first frame; afterwards the tap feeds the deadline.
std::optional<Status> VideoRun::look_for_life() {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t reads = reads_;
  if (tap_->frames() > 0 || reads != std::exchange(reads_seen_, reads)) alive_ = now;
  if (now - alive_ < kFirstFrame) return std::nullopt;
  return unusable(Error::Kind::kFailed, "no frame could be decoded");
}

// ---- messages ----

std::optional<Status> VideoRun::handle(GstMessage* message) {
  if (const auto tapped = read_tap_message(message)) return obey(*tapped);
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      note_missing_plugin(message);
      frames_.see(message);
      if (frames_.size() < options_.max_frames || ending_) return std::nullopt;
      warning_ = "only the first " + std::to_string(options_.max_frames) + " chosen frames count, up to " +
                 seconds(tap_->position());
      ending_ = true;
      tap_->finish();
      return std::nullopt;
    case GST_MESSAGE_STREAM_COLLECTION:
      if (auto error = check_streams(message)) return std::move(*error);
      return std::nullopt;
    case GST_MESSAGE_WARNING:
    case GST_MESSAGE_ERROR:
      return see_error(message);
    case GST_MESSAGE_EOS:
      if (frames_.size() == 0) return unusable(Error::Kind::kFailed, "no frame could be decoded");
      if (warning_.empty()) warning_ = end_warning();
      return ok();
    default:
      return std::nullopt;
  }
}

std::optional<Status> VideoRun::obey(TapMessage message) {
  switch (message) {
    case TapMessage::kSeekKeyFrames:
      if (!tap_->seek_key_frames()) return unusable(Error::Kind::kFailed, "there is no seeking in it");
      return std::nullopt;
    case TapMessage::kPassOver:
      return fill_next_gap();
    case TapMessage::kTooLong:
      return unusable(Error::Kind::kFailed,
                      "a video of " + seconds(std::max(tap_->duration().value_or(nanoseconds(0)), tap_->position())) +
                          " is longer than the limit of " + seconds(options_.max_duration));
    case TapMessage::kTooLarge:
      return too_large("frames");
  }
  return std::nullopt;
}

std::optional<Status> VideoRun::fill_next_gap() {
  if (!gaps_) gaps_ = tap_->gaps();
  while (next_gap_ < gaps_->size())
    if (tap_->seek_times((*gaps_)[next_gap_++])) return std::nullopt;
  ending_ = true;
  tap_->finish();
  return std::nullopt;
}

// A failure upstream of the choice ends the video there: what was decoded before goes on to its embedding.
std::optional<Status> VideoRun::see_error(GstMessage* message) {
  const bool fatal = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
  Error error = error_of(message);
  if (is_downstream(message)) return fatal ? std::optional<Status>(error) : std::nullopt;
  if (!fatal && !missing_plugin_.empty())
    return std::nullopt;  // for sound, say; the picture's absence would be an error
  if (fatal) note_decoder(message);
  if (warning_.empty()) warning_ = error.message;
  if (!fatal || ending_) return std::nullopt;
  const bool retry = !failed_decoder_.empty() || tap_->sampling() == Sampling::kKeyframes;
  if (tap_->frames() == 0 || retry) return error;
  ending_ = true;
  tap_->finish();
  return std::nullopt;
}

bool VideoRun::is_downstream(GstMessage* message) const {
  for (const char* name : {"select", "embed"}) {
    const auto found = element(name);
    if (found && gst_object_has_as_ancestor(GST_MESSAGE_SRC(message), GST_OBJECT_CAST(found.get()))) return true;
    if (found && GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(found.get())) return true;
  }
  return false;
}

void VideoRun::note_decoder(GstMessage* message) {
  if (!failed_decoder_.empty() || !GST_IS_ELEMENT(GST_MESSAGE_SRC(message))) return;
  GstElement* source = GST_ELEMENT(GST_MESSAGE_SRC(message));
  const std::string name = decoder_name(source);
  if (name.empty()) return;
  std::vector<std::string> failed = without_;
  failed.push_back(name);
  if (!has_alternative(source, failed)) return;
  failed_decoder_ = name;
  g_autoptr(GError) error = nullptr;
  gst_message_parse_error(message, &error, nullptr);
  failure_ = error->message;
}

std::optional<Error> VideoRun::check_streams(GstMessage* message) const {
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
  return too_large("frames of " + std::to_string(width) + " x " + std::to_string(height) + " pixels");
}

Error VideoRun::too_large(const std::string& what) const {
  return unusable(Error::Kind::kFailed, what + " are more than the limit of " + std::to_string(options_.max_pixels) +
                                            " pixels (see --max-pixels)");
}

Error VideoRun::error_of(GstMessage* message) const {
  g_autoptr(GError) error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &error, nullptr);
  } else {
    gst_message_parse_warning(message, &error, nullptr);
  }
  const bool unknown = g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE) ||
                       g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
                       !missing_plugin_.empty();
  if (!unknown) return unusable(Error::Kind::kFailed, error->message);
  return unusable(Error::Kind::kFormat,
                  missing_plugin_.empty() ? error->message : "GStreamer has no " + missing_plugin_ + " here");
}

// Posted by parsebin and decodebin3 where a plugin could help; gst-plugins-base, "missing-plugin" messages.
void VideoRun::note_missing_plugin(GstMessage* message) {
  if (!gst_message_has_name(message, "missing-plugin")) return;
  if (const char* name = gst_structure_get_string(gst_message_get_structure(message), "name")) missing_plugin_ = name;
}

// ---- the end ----

MediaEmbedding VideoRun::embedding() {
  MediaEmbedding video;
  video.is_video = true;
  frames_.take(video);
  video.vector = mean_vector(video.frames, settings_.normalize);
  for (ChosenFrame& frame : video.frames) frame.picture = pictures_->take(frame.time);
  video.duration = tap_->duration();
  video.width = pictures_->width();
  video.height = pictures_->height();
  video.method = tap_->sampling();
  if (video.method == Sampling::kKeyframes) {
    describe_key_frames(video.frames);
    video.scene_count.reset();
  }
  video.decoder = find_decoder(GST_BIN(pipeline_.get()));
  video.warning = warning_;
  const nanoseconds others =
      video.timings.preprocess.value_or(nanoseconds(0)) + video.timings.inference.value_or(nanoseconds(0));
  video.timings.decode = std::max(nanoseconds(0), std::chrono::steady_clock::now() - started_ - others);
  return video;
}

// What the tap let past clipselect has nobody else to say why. Source of the reasons: clipselect's rules of these
// names.
void VideoRun::describe_key_frames(std::vector<ChosenFrame>& frames) const {
  for (const PassedFrame& passed : tap_->passed()) {
    const auto frame = std::ranges::find(frames, passed.time, &ChosenFrame::time);
    if (frame == frames.end()) continue;
    frame->reason = passed.key_frame ? "coverage" : "interval";
    frame->scene.reset();
    frame->score = passed.score;
    frame->entropy = passed.entropy;
  }
}

std::string VideoRun::end_warning() const {
  if (const std::uint64_t missing = missing_bytes(file_); missing > 0)
    return "the file is " + std::to_string(missing) + " bytes shorter than it says: its end is missing";
  const nanoseconds duration = tap_->duration().value_or(nanoseconds(0));
  const bool missing = tap_->sampling() == Sampling::kKeyframes ? tap_->missing() : true;
  if (!missing || duration - tap_->end() < kMissingEnd) return {};
  return "no frame could be decoded after " + seconds(tap_->end()) + " of " + seconds(duration);
}

}  // namespace clipembed
