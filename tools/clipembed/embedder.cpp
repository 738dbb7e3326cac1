#include "tools/clipembed/embedder.h"

#include <bit>
#include <cstring>

namespace clipembed {
namespace {

std::vector<float> read_vector(const GstStructure* structure) {
  g_autoptr(GBytes) bytes = nullptr;
  if (!gst_structure_get(structure, "embedding", G_TYPE_BYTES, &bytes, nullptr)) return {};
  gsize size = 0;
  const auto* data = static_cast<const char*>(g_bytes_get_data(bytes, &size));
  std::vector<float> vector(size / sizeof(float));
  for (std::size_t i = 0; i < vector.size(); ++i) {
    guint32 word;
    std::memcpy(&word, data + i * sizeof word, sizeof word);
    vector[i] = std::bit_cast<float>(GUINT32_FROM_LE(word));
  }
  return vector;
}

std::optional<std::chrono::nanoseconds> read_time(const GstStructure* structure, const char* field) {
  guint64 nanoseconds = 0;
  if (!gst_structure_get_uint64(structure, field, &nanoseconds)) return std::nullopt;
  return std::chrono::nanoseconds(nanoseconds);
}

std::optional<EmbeddingMessage> read(GstMessage* message, const char* name) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT || !gst_message_has_name(message, name)) return std::nullopt;
  const GstStructure* structure = gst_message_get_structure(message);
  EmbeddingMessage result;
  result.vector = read_vector(structure);
  gst_structure_get_uint64(structure, "timestamp", &result.timestamp);
  gst_structure_get_uint64(structure, "count", &result.frames);
  result.timings.preprocess = read_time(structure, "preprocess-time");
  result.timings.queued = read_time(structure, "queued-time");
  result.timings.inference = read_time(structure, "inference-time");
  return result;
}

}  // namespace

void configure_embedder(GstElement* clipembed, const EmbedderSettings& settings) {
  g_object_set(clipembed, "model", settings.model.c_str(), "device", settings.device.c_str(), "normalize",
               gboolean{settings.normalize}, nullptr);
  gst_util_set_object_arg(G_OBJECT(clipembed), "precision", settings.precision.c_str());
}

std::optional<EmbeddingMessage> read_embedding(GstMessage* message) { return read(message, "clip-embedding"); }
std::optional<EmbeddingMessage> read_summary(GstMessage* message) { return read(message, "clip-summary"); }

}  // namespace clipembed
