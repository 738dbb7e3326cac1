/**
 * SECTION:element-clipembed
 * @title: clipembed
 * @short_description: CLIP embeddings of video frames
 *
 * clipembed computes the CLIP image embedding of raw video frames that pass through it: of each, or of those that
 * #clipembed:trigger chooses. Frames leave with unmodified pixels and in order, after their embeddings have been posted
 * on the bus and attached to them. All elements of a process that use the same
 * #clipembed:model on the same #clipembed:device in the same #clipembed:precision share one copy of it, and their
 * frames share batches.
 *
 * The model is loaded in the change from READY to PAUSED, which takes from a tenth of a second to several seconds. A
 * model named by its hub id has to be in the local cache: nothing is downloaded (`clipembed model fetch ID` does).
 *
 * ## Messages
 *
 * With #clipembed:post-messages, an element message named `clip-embedding` is posted just before its frame is pushed.
 * Its structure contains these fields:
 *
 * * #guint64 `frame`: number of the frame among all that came in, from 0, since the start, the last flush or the last
 * EOS.
 * * #GstClockTime `timestamp`: the timestamp of the frame, in nanoseconds as the next three; #GST_CLOCK_TIME_NONE if it
 * has none.
 * * #GstClockTime `stream-time`: the stream time of the frame.
 * * #GstClockTime `running-time`: the running time of the frame.
 * * #GstClockTime `duration`: the duration of the frame.
 * * #gchararray `reason`: why the frame was embedded: what its mark says where #clipembed:trigger is `every` or
 * `marked` and it has one; otherwise `every`, `interval` or `scene`.
 * * #gint `scene-index`: number of the scene that the frame is in, from 0, as counted by GstForceKeyUnit events or as
 * its mark says; -1 where nothing tells.
 * * #gdouble `score`, #gdouble `entropy`: those of its mark, where that has them.
 * * #gboolean `late`: whether the frame has left already, without this embedding (see #clipembed:overload).
 * * #guint64 `preprocess-time`: nanoseconds spent on resizing and colour conversion.
 * * #guint64 `queued-time`: nanoseconds that the frame waited for its batch to start.
 * * #guint64 `inference-time`: its share of the nanoseconds that its batch spent in the model.
 * * #gchararray `model`: the hub id of the model, or its directory.
 * * #gint `dim`: the number of floats in `embedding`.
 * * #gboolean `normalized`: whether the vector's Euclidean length is 1 (see #clipembed:normalize).
 * * #GBytes `embedding`: the vector, `dim` 32-bit little-endian floats.
 *
 * When all frames before an EOS have been pushed, and before EOS itself is, a message named `clip-summary` is posted:
 *
 * * #guint64 `count`: the number of frames embedded since the start, the last flush or the last EOS.
 * * #guint64 `skipped`: the number of frames that should have been embedded but were skipped.
 * * #gchararray `model`, #gint `dim`, #gboolean `normalized`: as above.
 * * #GBytes `embedding`: one vector for them all, in the format above: the mean of the frames' normalised vectors,
 * normalised again; the plain mean of the raw vectors where #clipembed:normalize is off. Absent where `count` is 0.
 * * #guint64 `preprocess-time`, #guint64 `queued-time`, #guint64 `inference-time`: the sums of the frames'.
 * * #guint64 `batches`: the number of batches; those shared with other streams count in part.
 * * #gdouble `mean-batch-size`: `count` divided by the number of batches; 0 where `count` is 0.
 *
 * ## Metadata
 *
 * With #clipembed:attach-meta, a frame carries its embedding on: as #GstClipEmbeddingMeta (pkg-config
 * gstreamer-clipmeta-1.0, and introspected for other languages), which survives videoconvert, videoscale and a way
 * through unixfdsink and unixfdsrc, and as a #GstTensorMeta for GStreamer's own analytics elements.
 *
 * ## Live pipelines
 *
 * The LATENCY query is answered with how long a frame may wait for its batch and how long the longest batch took so
 * far; when that grows, a latency message is posted. With #clipembed:overload at `skip` a model that is too slow takes
 * frames when it can, and the others pass: a QoS message is posted for each and #clipembed:stats counts them.
 *
 * ## Errors
 *
 * A start that fails posts an error: `RESOURCE/NOT_FOUND` (no such model; the text says what to run),
 * `RESOURCE/SETTINGS` (a property's value), `RESOURCE/READ` (a malformed checkpoint), `LIBRARY/INIT` (LibTorch cannot
 * be loaded). While playing: `STREAM/FAILED` (inference failed, or a buffer is too small for its caps). An engine
 * server that goes away while playing (see #clipembed:engine) is a warning, `RESOURCE/OPEN_READ_WRITE`.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 -m videotestsrc num-buffers=30 ! clipembed ! fakesink
 * ]|
 * Prints one message a frame and a summary, of openai/clip-vit-base-patch32.
 * |[
 * gst-launch-1.0 -m filesrc location=video.mp4 ! decodebin3 ! videoconvert ! clipembed
 * model=laion/CLIP-ViT-B-32-laion2B-s34B-b79K batch-size=16 ! fakesink
 * ]|
 * |[
 * gst-launch-1.0 -m v4l2src ! videoconvert ! clipembed batch-size=1 precision=bf16 ! videoconvert ! autovideosink
 * ]|
 * A camera, with the least latency.
 * |[
 * gst-launch-1.0 -m filesrc location=video.mp4 ! decodebin3 ! videoconvert ! scenechange ! clipembed trigger=scene !
 * fakesink
 * ]|
 * One embedding for each cut.
 * |[
 * gst-launch-1.0 -m rtspsrc location=rtsp://camera/ ! decodebin3 ! videoconvert ! clipembed trigger=interval
 * interval=1000000000 overload=skip engine=unix:/run/clipembed/engine.sock ! fakesink
 * ]|
 * One frame a second of a camera, by a model that other processes use too (`clipembed serve-engine`), never holding the
 * stream up.
 *
 * Since: 0.1
 */

#include "gst/clipembed.h"

#include <memory>
#include <mutex>
#include <utility>

#include "gst/element_error.h"
#include "gst/embed_stream.h"
#include "gst/frame_format.h"
#include "gst/latency_query.h"
#include "gst/settings.h"

GST_DEBUG_CATEGORY(gst_clip_embed_debug);
#define GST_CAT_DEFAULT gst_clip_embed_debug

using clipembed::BufferPtr;
using clipembed::EmbedStream;
using clipembed::EventPtr;
using clipembed::Settings;

namespace {

struct State {
  std::mutex lock;  // guards what is below; never held while anything that may block is called
  Settings settings;
  std::shared_ptr<EmbedStream> stream;  // between READY->PAUSED and PAUSED->READY
  clipembed::StructurePtr last_stats;   // of the last stream, once there was one
};

}  // namespace

struct _GstClipEmbed {
  GstElement parent;
  GstPad* sinkpad;  // both owned by the element
  GstPad* srcpad;
  State* state;
};

G_DEFINE_FINAL_TYPE(GstClipEmbed, gst_clip_embed, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(clipembed, "clipembed", GST_RANK_NONE, GST_TYPE_CLIP_EMBED)

static std::shared_ptr<EmbedStream> current_stream(GstObject* element) {
  State* state = GST_CLIP_EMBED(element)->state;
  std::lock_guard guard(state->lock);
  return state->stream;
}

// ---- pads: each call goes to the stream, which exists for as long as a pad is active ----

static GstFlowReturn sink_chain(GstPad*, GstObject* parent, GstBuffer* buffer) {
  BufferPtr owned(buffer);
  const auto stream = current_stream(parent);
  return stream ? stream->chain(std::move(owned)) : GST_FLOW_FLUSHING;
}

static GstFlowReturn sink_event(GstPad*, GstObject* parent, GstEvent* event) {
  EventPtr owned(event);
  const auto stream = current_stream(parent);
  return stream ? stream->sink_event(std::move(owned)) : GST_FLOW_FLUSHING;
}

static gboolean sink_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  const GstQueryTypeFlags flags = gst_query_type_get_flags(GST_QUERY_TYPE(query));
  if (!(flags & GST_QUERY_TYPE_SERIALIZED)) return gst_pad_query_default(pad, parent, query);
  const auto stream = current_stream(parent);
  return stream && stream->serialized_query(query);
}

static gboolean sink_activate_mode(GstPad*, GstObject* parent, GstPadMode mode, gboolean active) {
  const auto stream = current_stream(parent);
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  if (!stream) return !active;
  active ? stream->activate() : stream->deactivate();
  return TRUE;
}

static gboolean src_activate_mode(GstPad* pad, GstObject* parent, GstPadMode mode, gboolean active) {
  if (!sink_activate_mode(pad, parent, mode, active)) return FALSE;
  return active || gst_pad_stop_task(pad);
}

static gboolean src_event(GstPad* pad, GstObject* parent, GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_RECONFIGURE) {
    if (const auto stream = current_stream(parent)) stream->reconfigure();
  }
  return gst_pad_event_default(pad, parent, event);
}

static gboolean src_query(GstPad* pad, GstObject* parent, GstQuery* query) {
  const auto stream = current_stream(parent);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY || !stream) return gst_pad_query_default(pad, parent, query);
  bool live = false;
  if (!clipembed::answer_latency(GST_CLIP_EMBED(parent)->sinkpad, query, stream->latency(), &live)) return FALSE;
  stream->set_live(live);
  return TRUE;
}

// ---- states ----

static bool open_stream(GstClipEmbed* self) {
  Settings settings;
  {
    std::lock_guard guard(self->state->lock);
    settings = self->state->settings;
  }
  auto stream = EmbedStream::open(GST_ELEMENT_CAST(self), self->srcpad, settings);
  if (!stream) {
    clipembed::post_error(GST_ELEMENT_CAST(self), stream.error());
    return false;
  }
  std::lock_guard guard(self->state->lock);
  self->state->stream = *std::move(stream);
  return true;
}

static void close_stream(GstClipEmbed* self) {
  std::shared_ptr<EmbedStream> closing;  // let go outside the lock: it may be the engine's last user
  std::lock_guard guard(self->state->lock);
  closing.swap(self->state->stream);
  if (closing) self->state->last_stats.reset(closing->stats());
}

static GstStateChangeReturn change_state(GstElement* element, GstStateChange transition) {
  GstClipEmbed* self = GST_CLIP_EMBED(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open_stream(self)) return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn changed =
      GST_ELEMENT_CLASS(gst_clip_embed_parent_class)->change_state(element, transition);
  const bool failed_start = transition == GST_STATE_CHANGE_READY_TO_PAUSED && changed == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || failed_start) close_stream(self);
  return changed;
}

// ---- GObject ----

static void set_property(GObject* object, guint id, const GValue* value, GParamSpec* pspec) {
  State* state = GST_CLIP_EMBED(object)->state;
  std::lock_guard guard(state->lock);
  if (!clipembed::set_setting(state->settings, id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (state->stream) state->stream->update(state->settings);
}

static void get_property(GObject* object, guint id, GValue* value, GParamSpec* pspec) {
  State* state = GST_CLIP_EMBED(object)->state;
  std::lock_guard guard(state->lock);
  if (id == clipembed::kStatsProperty) {
    if (state->stream) state->last_stats.reset(state->stream->stats());
    g_value_set_boxed(value, state->last_stats.get());
    return;
  }
  if (!clipembed::get_setting(state->settings, id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_clip_embed_init(GstClipEmbed* self) {
  self->state = new State;
  GstElementClass* element_class = GST_ELEMENT_GET_CLASS(self);

  self->sinkpad = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "sink"), "sink");
  gst_pad_set_chain_function(self->sinkpad, sink_chain);
  gst_pad_set_event_full_function(self->sinkpad, sink_event);
  gst_pad_set_query_function(self->sinkpad, sink_query);
  gst_pad_set_activatemode_function(self->sinkpad, sink_activate_mode);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT_CAST(self), self->sinkpad);

  self->srcpad = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "src"), "src");
  gst_pad_set_event_function(self->srcpad, src_event);
  gst_pad_set_query_function(self->srcpad, src_query);
  gst_pad_set_activatemode_function(self->srcpad, src_activate_mode);
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  gst_element_add_pad(GST_ELEMENT_CAST(self), self->srcpad);
}

static void finalize(GObject* object) {
  delete GST_CLIP_EMBED(object)->state;
  G_OBJECT_CLASS(gst_clip_embed_parent_class)->finalize(object);
}

static void gst_clip_embed_class_init(GstClipEmbedClass* klass) {
  GObjectClass* object_class = G_OBJECT_CLASS(klass);
  object_class->set_property = set_property;
  object_class->get_property = get_property;
  object_class->finalize = finalize;
  clipembed::install_settings(object_class);

  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  element_class->change_state = change_state;
  const clipembed::CapsPtr caps = clipembed::supported_caps();
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps.get()));
  gst_element_class_add_pad_template(element_class,
                                     gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps.get()));
  gst_element_class_set_static_metadata(element_class, "CLIP embedder", "Filter/Analyzer/Video",
                                        "Posts the CLIP embedding of each video frame that passes through",
                                        "gst-clipembed maintainers");
  GST_DEBUG_CATEGORY_INIT(gst_clip_embed_debug, "clipembed", 0, "CLIP embeddings of video frames");
}
