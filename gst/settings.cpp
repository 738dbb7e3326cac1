#include "gst/settings.h"

namespace clipembed {
namespace {

enum Property {
  kPropModel = kStatsProperty + 1,
  kPropDevice,
  kPropPrecision,
  kPropBatchSize,
  kPropBatchTimeout,
  kPropTrigger,
  kPropInterval,
  kPropOverload,
  kPropAugment,
  kPropNormalize,
  kPropPostMessages,
  kPropAttachMeta,
  kPropEngine,
  kPropThreads,
};

constexpr guint kMaxBatchSize = 256;
constexpr GstClockTime kMaxBatchTimeout = 3600 * GST_SECOND;
constexpr GstClockTime kMaxInterval = 365 * 24 * 3600 * GST_SECOND;
constexpr guint kMaxThreads = 1024;

GType precision_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(Precision::kAuto), "bf16 where that is faster on the device, else fp32 (fp16 on mps)", "auto"},
      {static_cast<gint>(Precision::kFp32), "32-bit floats", "fp32"},
      {static_cast<gint>(Precision::kFp16), "16-bit IEEE floats", "fp16"},
      {static_cast<gint>(Precision::kBf16), "bfloat16", "bf16"},
      {static_cast<gint>(Precision::kInt8), "8-bit integers for the matrix products", "int8"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipEmbedPrecision", values);
  return type;
}

GType trigger_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(Trigger::kEvery), "Every frame", "every"},
      {static_cast<gint>(Trigger::kInterval), "The first frame of each interval of stream time", "interval"},
      {static_cast<gint>(Trigger::kScene), "The frame after each GstForceKeyUnit event, as scenechange sends it",
       "scene"},
      {static_cast<gint>(Trigger::kMarked), "Frames that carry a GstClipMarkMeta", "marked"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipEmbedTrigger", values);
  return type;
}

GType overload_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(Overload::kBlock), "Upstream waits; every frame is embedded", "block"},
      {static_cast<gint>(Overload::kSkip), "Frames pass without an embedding; nothing waits for the model", "skip"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipEmbedOverload", values);
  return type;
}

GType augment_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(Augment::kNone), "The frame alone", "none"},
      {static_cast<gint>(Augment::kFlip), "Mean of the frame and its mirror image", "flip"},
      {static_cast<gint>(Augment::kFiveCrop), "Mean of the frame's centre and its four corners", "five-crop"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipEmbedAugment", values);
  return type;
}

std::string string_or(const GValue* value, const char* fallback) {
  const char* text = g_value_get_string(value);
  return text ? text : fallback;
}

}  // namespace

void install_settings(GObjectClass* object_class) {
  constexpr auto kReady =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  constexpr auto kPlaying =
      static_cast<GParamFlags>(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  const Settings defaults;

  /**
   * clipembed:model:
   *
   * A directory as transformers writes it, or a hub id ("owner/name" or "owner/name@revision") that is in the local
   * cache. %NULL, the default, means openai/clip-vit-base-patch32, or whatever the server of #clipembed:engine serves.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropModel,
      g_param_spec_string("model", "Model",
                          "Directory or cached hub id of a CLIP checkpoint (NULL: openai/clip-vit-base-patch32)",
                          nullptr, kReady));
  /**
   * clipembed:device:
   *
   * Where the model runs: auto, cpu, cuda, cuda:N or mps. A device that is not there is an error; auto falls back to
   * cpu.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropDevice,
      g_param_spec_string("device", "Device", "Where the model runs: auto, cpu, cuda[:N] or mps",
                          defaults.device.c_str(), kReady));
  /**
   * clipembed:precision:
   *
   * Number format of the model's matrix products.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropPrecision,
      g_param_spec_enum("precision", "Precision", "Number format of the model's matrix products", precision_get_type(),
                        static_cast<gint>(defaults.precision), kReady));
  /**
   * clipembed:batch-size:
   *
   * Frames that are worth waiting for, so that the model sees them at once. Up to twice as many are held.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropBatchSize,
      g_param_spec_uint("batch-size", "Batch size", "Frames to embed at once; up to twice as many are held", 1,
                        kMaxBatchSize, defaults.batch_size, kReady));
  /**
   * clipembed:batch-timeout:
   *
   * The longest that a frame waits for its batch to fill up, in nanoseconds. Part of the latency that live pipelines
   * see.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropBatchTimeout,
      g_param_spec_uint64("batch-timeout", "Batch timeout", "Longest wait for a batch to fill up (in nanoseconds)", 0,
                          kMaxBatchTimeout, defaults.batch_timeout, kReady));
  /**
   * clipembed:trigger:
   *
   * Which frames are embedded; the others pass through as they are. With `interval`, the intervals count from the first
   * frame after the start or a flush, by stream time, so that neither rounding nor dropped frames make them drift.
   * With `scene`, the frame that follows each GstForceKeyUnit event from upstream is embedded; the first frame of a
   * stream follows none. Where #clipembed:overload is `skip` and the engine has no room for the frame, `interval` and
   * `scene` take the next one that it has room for.
   *
   * Since: 0.1
   */
  g_object_class_install_property(object_class, kPropTrigger,
                                  g_param_spec_enum("trigger", "Trigger", "Which frames are embedded",
                                                    trigger_get_type(), static_cast<gint>(defaults.trigger), kPlaying));
  /**
   * clipembed:interval:
   *
   * Stream time from one embedding to the next with #clipembed:trigger at `interval`, in nanoseconds.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropInterval,
      g_param_spec_uint64("interval", "Interval",
                          "Stream time between embeddings with trigger=interval (in nanoseconds)", 1, kMaxInterval,
                          defaults.interval, kPlaying));
  /**
   * clipembed:overload:
   *
   * What happens when frames come faster than the model embeds them. `block` makes upstream wait, and embeds them all.
   * `skip` never makes anything wait for the model: a frame for which the engine has no room passes without an
   * embedding and a QoS message says so; no more than two frames are held, and one whose embedding comes later than
   * that has it in its message only (field `late`). The same goes for an engine server that has gone
   * (#clipembed:engine): `block` waits for it, `skip` goes on without.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropOverload,
      g_param_spec_enum("overload", "Overload", "What happens to frames that come faster than the model embeds them",
                        overload_get_type(), static_cast<gint>(defaults.overload), kReady));
  /**
   * clipembed:augment:
   *
   * The views of a frame whose mean is its embedding: 1 for `none`, 2 for `flip`, 5 for `five-crop` (of the frame
   * resized to 8/7 of the model's short side). Each costs as much as a frame. The same frame always gives the same
   * vector.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropAugment,
      g_param_spec_enum("augment", "Augment", "Views of a frame whose mean is its embedding", augment_get_type(),
                        static_cast<gint>(defaults.augment), kReady));
  /**
   * clipembed:normalize:
   *
   * Whether vectors are divided by their Euclidean length, so that their dot product is their cosine similarity.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropNormalize,
      g_param_spec_boolean("normalize", "Normalize", "Divide vectors by their Euclidean length", defaults.normalize,
                           kReady));
  /**
   * clipembed:post-messages:
   *
   * Whether `clip-embedding` and `clip-summary` messages are posted.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropPostMessages,
      g_param_spec_boolean("post-messages", "Post messages", "Post clip-embedding and clip-summary messages on the bus",
                           defaults.post_messages, kPlaying));
  /**
   * clipembed:attach-meta:
   *
   * Whether frames leave with their embedding attached: a #GstClipEmbeddingMeta and, with GStreamer 1.26, a
   * #GstTensorMeta with the tensor `clip-image-embedding`.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropAttachMeta,
      g_param_spec_boolean("attach-meta", "Attach meta", "Attach the embedding to its frame", defaults.attach_meta,
                           kPlaying));
  /**
   * clipembed:engine:
   *
   * Where the model is: `unix:PATH` is the socket of an engine server (`clipembed serve-engine --listen unix:PATH`),
   * whose processes share one model. It has its own device, precision and threads, so these properties are not used;
   * #clipembed:model may be left out, and is compared with the server's otherwise. %NULL, the default, means this
   * process.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropEngine,
      g_param_spec_string("engine", "Engine", "unix:PATH of an engine server (NULL: the model is in this process)",
                          nullptr, kReady));
  /**
   * clipembed:stats:
   *
   * What became of the frames since the start. The structure is named `clip-stats` and contains these fields:
   *
   * * #guint64 `frames`: frames that came in.
   * * #guint64 `embedded`: embeddings that were there when their frame left.
   * * #guint64 `late`: embeddings that came after it (#clipembed:overload at `skip`).
   * * #guint64 `skipped`: frames that should have been embedded and were not, as the engine had no room or was gone.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kStatsProperty,
      g_param_spec_boxed("stats", "Statistics", "What became of the frames since the start", GST_TYPE_STRUCTURE,
                         static_cast<GParamFlags>(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  /**
   * clipembed:threads:
   *
   * Threads of one inference on the CPU; 0 takes what the cgroup's CPU quota allows.
   *
   * Since: 0.1
   */
  g_object_class_install_property(
      object_class, kPropThreads,
      g_param_spec_uint("threads", "Threads", "Threads of one inference on the CPU (0: the cgroup's CPU quota)", 0,
                        kMaxThreads, defaults.threads, kReady));
  for (GType type : {precision_get_type(), trigger_get_type(), overload_get_type(), augment_get_type()}) {
    gst_type_mark_as_plugin_api(type, static_cast<GstPluginAPIFlags>(0));
  }
}

bool set_setting(Settings& settings, guint id, const GValue* value) {
  switch (id) {
    case kPropModel:
      settings.model = string_or(value, "");
      return true;
    case kPropDevice:
      settings.device = string_or(value, "auto");
      return true;
    case kPropPrecision:
      settings.precision = static_cast<Precision>(g_value_get_enum(value));
      return true;
    case kPropBatchSize:
      settings.batch_size = g_value_get_uint(value);
      return true;
    case kPropBatchTimeout:
      settings.batch_timeout = g_value_get_uint64(value);
      return true;
    case kPropTrigger:
      settings.trigger = static_cast<Trigger>(g_value_get_enum(value));
      return true;
    case kPropInterval:
      settings.interval = g_value_get_uint64(value);
      return true;
    case kPropOverload:
      settings.overload = static_cast<Overload>(g_value_get_enum(value));
      return true;
    case kPropAugment:
      settings.augment = static_cast<Augment>(g_value_get_enum(value));
      return true;
    case kPropNormalize:
      settings.normalize = g_value_get_boolean(value);
      return true;
    case kPropPostMessages:
      settings.post_messages = g_value_get_boolean(value);
      return true;
    case kPropAttachMeta:
      settings.attach_meta = g_value_get_boolean(value);
      return true;
    case kPropEngine:
      settings.engine = string_or(value, "");
      return true;
    case kPropThreads:
      settings.threads = g_value_get_uint(value);
      return true;
    default:
      return false;
  }
}

bool get_setting(const Settings& settings, guint id, GValue* value) {
  switch (id) {
    case kPropModel:
      g_value_set_string(value, settings.model.empty() ? nullptr : settings.model.c_str());
      return true;
    case kPropDevice:
      g_value_set_string(value, settings.device.c_str());
      return true;
    case kPropPrecision:
      g_value_set_enum(value, static_cast<gint>(settings.precision));
      return true;
    case kPropBatchSize:
      g_value_set_uint(value, settings.batch_size);
      return true;
    case kPropBatchTimeout:
      g_value_set_uint64(value, settings.batch_timeout);
      return true;
    case kPropTrigger:
      g_value_set_enum(value, static_cast<gint>(settings.trigger));
      return true;
    case kPropInterval:
      g_value_set_uint64(value, settings.interval);
      return true;
    case kPropOverload:
      g_value_set_enum(value, static_cast<gint>(settings.overload));
      return true;
    case kPropAugment:
      g_value_set_enum(value, static_cast<gint>(settings.augment));
      return true;
    case kPropNormalize:
      g_value_set_boolean(value, settings.normalize);
      return true;
    case kPropPostMessages:
      g_value_set_boolean(value, settings.post_messages);
      return true;
    case kPropAttachMeta:
      g_value_set_boolean(value, settings.attach_meta);
      return true;
    case kPropEngine:
      g_value_set_string(value, settings.engine.empty() ? nullptr : settings.engine.c_str());
      return true;
    case kPropThreads:
      g_value_set_uint(value, settings.threads);
      return true;
    default:
      return false;
  }
}

}  // namespace clipembed
