#include "gst/settings.h"

namespace clipembed {
namespace {

enum Property {
  kPropModel = 1,
  kPropDevice,
  kPropPrecision,
  kPropBatchSize,
  kPropBatchTimeout,
  kPropNormalize,
  kPropPostMessages,
  kPropThreads,
};

constexpr guint kMaxBatchSize = 256;
constexpr GstClockTime kMaxBatchTimeout = 3600 * GST_SECOND;
constexpr guint kMaxThreads = 1024;

GType precision_get_type() {
  static const GEnumValue values[] = {
      {static_cast<gint>(Precision::kAuto), "bf16 where the device has it natively, else fp32", "auto"},
      {static_cast<gint>(Precision::kFp32), "32-bit floats", "fp32"},
      {static_cast<gint>(Precision::kFp16), "16-bit IEEE floats", "fp16"},
      {static_cast<gint>(Precision::kBf16), "bfloat16", "bf16"},
      {static_cast<gint>(Precision::kInt8), "8-bit integers for the matrix products", "int8"},
      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstClipEmbedPrecision", values);
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
   * cache. %NULL, the default, means openai/clip-vit-base-patch32.
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
  gst_type_mark_as_plugin_api(precision_get_type(), static_cast<GstPluginAPIFlags>(0));
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
    case kPropNormalize:
      settings.normalize = g_value_get_boolean(value);
      return true;
    case kPropPostMessages:
      settings.post_messages = g_value_get_boolean(value);
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
    case kPropNormalize:
      g_value_set_boolean(value, settings.normalize);
      return true;
    case kPropPostMessages:
      g_value_set_boolean(value, settings.post_messages);
      return true;
    case kPropThreads:
      g_value_set_uint(value, settings.threads);
      return true;
    default:
      return false;
  }
}

}  // namespace clipembed
