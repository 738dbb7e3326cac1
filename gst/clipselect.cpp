/**
 * SECTION:element-clipselect
 * @title: clipselect
 * @short_description: chooses the frames of a video that stand for it
 *
 * clipselect finds the shots of a video (hard cuts, dissolves, fades) and chooses frames that stand for it, in one
 * pass. With #clipselect:mode at `drop` only they go on; with `mark` all do, and the chosen ones carry a
 * #GstClipMarkMeta, which `clipembed trigger=marked` obeys. A chosen frame is one of:
 *
 * * the sharpest and richest frame of a short while into each shot, or of its end where it is shorter than that;
 * * one for each of #clipselect:frames equal parts of the segment, of the part's last frames, where the stream has a
 * duration and the shots leave a part without one;
 * * one at least every #clipselect:max-gap.
 *
 * Pans, shake, grain and flashes are no cuts: the content score compares small pictures after moving their blocks to
 * where they fit, relative to how much the neighbouring frames change; and no frame after a cut may resemble one just
 * before it. Frames wait for those after them, 250 milliseconds and 8 frames at most; 4 frames at any rate. The LATENCY
 * query tells. The same frames give the same choice every time.
 *
 * A flushing seek starts over: what comes is a stream by itself, with parts of its own. Segments that follow each other
 * without a flush are one stream, and each has its parts. Played backwards or by key frames (the flag
 * #GST_SEEK_FLAG_TRICKMODE_KEY_UNITS) every shot has a frame too, of those that come.
 *
 * Before the first frame of each shot but the first one a downstream GstForceKeyUnit event is sent, as `scenechange`
 * does; its count is the number of the shot.
 *
 * ## Messages
 *
 * With #clipselect:post-messages, an element message named `clip-select` is posted just before a chosen frame is
 * pushed; what it says of the choice goes on with the frame and comes back in the `clip-embedding` message of a
 * clipembed behind it. Its structure contains these fields:
 *
 * * #GstClockTime `timestamp`: the timestamp of the frame, in nanoseconds as the next two; #GST_CLOCK_TIME_NONE if it
 * has none.
 * * #GstClockTime `stream-time`: the stream time of the frame.
 * * #GstClockTime `running-time`: the running time of the frame.
 * * #gchararray `reason`: `cut` (the first frame of a shot), `salient` (a better one of its first frames), `coverage`
 * or `interval`.
 * * #gint `scene-index`: number of the shot, from 0, since the start, the last flush or the last EOS.
 * * #gdouble `score`: what frames of a shot are ranked by, 0 to 1, of the next two.
 * * #gdouble `entropy`: of the luma histogram, in bits, 0 to 8.
 * * #gdouble `sharpness`: root mean square of the luma's Brenner gradient, in levels of 255.
 * * #gdouble `luma`: the mean, 0 to 255.
 *
 * When all frames before an EOS, or before the start of another stream, have left, and before that event does, a
 * message named `clip-select-summary` is posted:
 *
 * * #gint `shots`: the number of shots since the start, the last flush or the last EOS.
 * * #guint64 `frames`: the number of frames that were looked at.
 * * #guint64 `chosen`: the number of frames that were chosen.
 *
 * With #clipselect:post-scores, a message named `clip-score` is posted for every frame in order, chosen or not, to draw
 * a timeline of. It has the fields of `clip-select`, `reason` only where the frame was chosen, and these:
 *
 * * #gdouble `change`: the content score, how unlike the frame is the one before it: 0 for equal frames and the first
 * one, little for motion, 0.5 and more for a cut.
 * * #gchararray `transition`: where the frame is the first of a shot, and not of the first one, how that begins: `cut`
 * or `gradual`. Otherwise absent.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m filesrc location=video.mp4 ! decodebin3 ! videoconvert ! clipselect frames=10 ! fakesink
 * ]|
 * Prints which frames are chosen, and why.
 * |[
 * gst-launch-1.0 filesrc location=video.mp4 ! decodebin3 ! videoconvert ! clipselect ! jpegenc ! multifilesink
 * location=frame-%03d.jpg
 * ]|
 * Writes the chosen frames as pictures.
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! clipselect mode=mark max-gap=5000000000 ! clipembed trigger=marked !
 * videoconvert ! autovideosink
 * ]|
 * Shows a camera, and embeds a frame of every shot, and one every five seconds at least.
 *
 * Since: 0.1
 */

#include "gst/clipselect.h"

#include <memory>
#include <mutex>
#include <utility>

#include "gst/latency_query.h"
#include "gst/select_stream.h"

GST_DEBUG_CATEGORY(gst_clip_select_debug);
#define GST_CAT_DEFAULT gst_clip_select_debug

using clipembed::BufferPtr;
using clipembed::EventPtr;
using clipembed::SelectMode;
using clipembed::SelectSettings;
using clipembed::SelectStream;

namespace {

enum Property { kPropMode = 1, kPropFrames, kPropMaxGap, kPropMinShot, kPropPostMessages, kPropPostScores };

constexpr guint kMaxFrames = 1000000;
constexpr GstClockTime kMaxSpan = 365 * 24 * 3600 * GST_SECOND;

struct State {
  std::mutex lock;  // guards what is below; never held while anything that may block is called
  SelectSettings settings;
  std::shared_ptr<SelectStream> stream;  // between READY->PAUSED and PAUSED->READY
};

GType mode_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(SelectMode::kDrop), "Only chosen frames go on", "drop"},
      {static_cast<gint>(SelectMode::kMark), "All frames go on; the chosen ones carry a GstClipMarkMeta", "mark"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipSelectMode", values);
  return type;
}

GstClockTime to_clock_time(std::chrono::nanoseconds time) { return static_cast<GstClockTime>(time.count()); }

std::chrono::nanoseconds from_clock_time(guint64 time) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(time));
}

}  // namespace

struct _GstClipSelect {
  GstElement parent;
  GstPad* sinkpad;  // both owned by the element
  GstPad* srcpad;
  State* state;
};

G_DEFINE_FINAL_TYPE(GstClipSelect, gst_clip_select, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(clipselect, "clipselect", GST_RANK_NONE, GST_TYPE_CLIP_SELECT)

static std::shared_ptr<SelectStream> current_stream(GstObject* element) {
  State* state = GST_CLIP_SELECT(element)->state;
  std::lock_guard guard(state->lock);
  return state->stream;
}

// ---- pads ----

static GstFlowReturn sink_chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  BufferPtr owned(buffer);
  const auto stream = current_stream(parent);
  return stream ? stream->chain(std::move(owned)) : GST_FLOW_FLUSHING;
}

static gboolean sink_event(GstPad*, GstObject* parent, GstEvent* event) {
  EventPtr owned(event);
  const auto stream = current_stream(parent);
  return stream && stream->sink_event(std::move(owned));
}

static gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  const GstQueryTypeFlags flags = gst_query_type_get_flags(GST_QUERY_TYPE(query));
  if (!(flags & GST_QUERY_TYPE_SERIALIZED)) return gst_pad_query_default(pad, parent, query);
  const auto stream = current_stream(parent);
  return stream && stream->serialized_query(query);
}

static gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  const auto stream = current_stream(parent);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || !stream) return gst_pad_query_default(pad, parent, query);
  return clipembed::answer_latency(GST_CLIP_SELECT(parent)->sinkpad, query, stream->latency());
}

// ---- states ----

static GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  GstClipSelect* self = GST_CLIP_SELECT(element);
  State* state = self->state;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    std::lock_guard guard(state->lock);
    state->stream = std::make_shared<SelectStream>(element, self->sinkpad, self->srcpad, state->settings);
  }
  const GstStateChangeReturn changed =
      GST_ELEMENT_CLASS(gst_clip_select_parent_class)->change_state(element, transition);
  const bool failed_start = transition == GST_STATE_CHANGE_READY_TO_PAUSED && changed == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || failed_start) {
    std::shared_ptr<SelectStream> closing;  // its frames go outside the lock
    std::lock_guard guard(state->lock);
    closing.swap(state->stream);
  }
  return changed;
}

// ---- GObject ----

static void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  State* state = GST_CLIP_SELECT(object)->state;
  std::lock_guard guard(state->lock);
  SelectSettings& settings = state->settings;
  switch (id) {
    case kPropMode:
      settings.mode = static_cast<SelectMode>(g_value_get_enum(value));
      break;
    case kPropFrames:
      settings.options.frames = static_cast<int>(g_value_get_uint(value));
      break;
    case kPropMaxGap:
      settings.options.max_gap = from_clock_time(g_value_get_uint64(value));
      break;
    case kPropMinShot:
      settings.options.min_shot = from_clock_time(g_value_get_uint64(value));
      break;
    case kPropPostMessages:
      settings.post_messages = g_value_get_boolean(value);
      break;
    case kPropPostScores:
      settings.post_scores = g_value_get_boolean(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  State* state = GST_CLIP_SELECT(object)->state;
  std::lock_guard guard(state->lock);
  const SelectSettings& settings = state->settings;
  switch (id) {
    case kPropMode:
      g_value_set_enum(value, static_cast<gint>(settings.mode));
      break;
    case kPropFrames:
      g_value_set_uint(value, static_cast<guint>(settings.options.frames));
      break;
    case kPropMaxGap:
      g_value_set_uint64(value, to_clock_time(settings.options.max_gap));
      break;
    case kPropMinShot:
      g_value_set_uint64(value, to_clock_time(settings.options.min_shot));
      break;
    case kPropPostMessages:
      g_value_set_boolean(value, settings.post_messages);
      break;
    case kPropPostScores:
      g_value_set_boolean(value, settings.post_scores);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void install_properties(GObjectClass* object_class) {
  constexpr auto kReady =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  const SelectSettings defaults;

  /**
   * clipselect:mode:
   *
   * What becomes of the frames. Both modes choose the same ones.
   *
   * Since: 0.1
   */
  g_object_class_install_property(object_class, kPropMode,
                                  g_param_spec_enum("mode", "Mode", "What becomes of the frames", mode_get_type(),
                                                    static_cast<gint>(defaults.mode), kReady));
  /**
   * clipselect:frames:
   *
   * The segment, where its end or the stream's duration is known, is divided into so many equal parts, and each has a
   * frame chosen at least, which may be that of a shot: 24 shots in 30 parts have about 30 frames, 60 shots 60. 0: only
   * shots and #clipselect:max-gap count.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropFrames,
      g_param_spec_uint("frames", "Frames", "Equal parts of a known duration that have a chosen frame each (0: any)", 0,
                        kMaxFrames, static_cast<guint>(defaults.options.frames), kReady));
  /**
   * clipselect:max-gap:
   *
   * The longest running time between two chosen frames, in nanoseconds, for static scenes and live streams. 0: any.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropMaxGap,
      g_param_spec_uint64("max-gap", "Max gap", "Longest time between two chosen frames (in nanoseconds, 0: any)", 0,
                          kMaxSpan, to_clock_time(defaults.options.max_gap), kReady));
  /**
   * clipselect:min-shot:
   *
   * What would begin less than this after the last shot belongs to that, in nanoseconds.
   *
   * Since: 0.1
   */
  g_object_class_install_property(object_class, kPropMinShot,
                                  g_param_spec_uint64("min-shot", "Min shot", "Shortest shot (in nanoseconds)", 0,
                                                      kMaxSpan, to_clock_time(defaults.options.min_shot), kReady));
  /**
   * clipselect:post-messages:
   *
   * Whether `clip-select` and `clip-select-summary` messages are posted.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropPostMessages,
      g_param_spec_boolean("post-messages", "Post messages", "Post clip-select messages on the bus",
                           defaults.post_messages, kReady));
  /**
   * clipselect:post-scores:
   *
   * Whether a `clip-score` message is posted for every frame.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropPostScores,
      g_param_spec_boolean("post-scores", "Post scores", "Post a clip-score message for every frame on the bus",
                           defaults.post_scores, kReady));
  gst_type_mark_as_plugin_api(mode_get_type(), static_cast<GstPluginAPIFlags>(0));
}

static void gst_clip_select_init(GstClipSelect* self) {
  self->state = new State;
  GstElementClass* element_class = GST_ELEMENT_GET_CLASS(self);

  self->sinkpad = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "sink"), "sink");
  gst_pad_set_chain_function(self->sinkpad, sink_chain);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  gst_pad_set_query_function(self->sinkpad, sink_query);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT_CAST(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "src"), "src");
  gst_pad_set_query_function(self->srcpad, src_query);
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  gst_element_add_pad(GST_ELEMENT_CAST(self), self->srcpad);
}

static void finalize(GObject* object) {
  delete GST_CLIP_SELECT(object)->state;
  G_OBJECT_CLASS(gst_clip_select_parent_class)->finalize(object);
}

static void gst_clip_select_class_init(GstClipSelectClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  install_properties(object_class);

  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  const clipembed::CapsPtr caps = clipembed::supported_caps();
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get()));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps.get()));
  gst_element_class_set_static_metadata(element_class, "CLIP frame selector", "Filter/Video",
                                        "Finds shots and chooses the frames that stand for a video",
                                        "gst-clipembed maintainers");
  GST_DEBUG_CATEGORY_INIT(gst_clip_select_debug, "clipselect", 0, "choice of video frames");
}
