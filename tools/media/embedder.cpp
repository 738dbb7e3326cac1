#include "tools/media/embedder.h"

#include <bit>
#include <cstring>
#include <utility>

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

std::optional<double> read_double(const GstStructure* structure, const char* field) {
  double value = 0;
  if (!gst_structure_get_double(structure, field, &value)) return std::nullopt;
  return value;
}

std::optional<int> read_int(const GstStructure* structure, const char* field) {
  int value = 0;
  if (!gst_structure_get_int(structure, field, &value)) return std::nullopt;
  return value;
}

std::string read_string(const GstStructure* structure, const char* field) {
  const char* value = gst_structure_get_string(structure, field);
  return value ? value : "";
}

const GstStructure* element_message(GstMessage* message, const char* name) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ELEMENT || !gst_message_has_name(message, name)) return nullptr;
  return gst_message_get_structure(message);
}

}  // namespace

void configure_embedder(GstElement* clipembed, const EmbedderSettings& settings) {
  const auto text = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
  g_object_set(clipembed, "model", text(settings.model), "device", settings.device.c_str(), "normalize",
               gboolean{settings.normalize}, "engine", text(settings.engine), nullptr);
  gst_util_set_object_arg(G_OBJECT(clipembed), "precision", settings.precision.c_str());
  gst_util_set_object_arg(G_OBJECT(clipembed), "augment", settings.augment.c_str());
  if (settings.batch_size > 0) g_object_set(clipembed, "batch-size", guint{settings.batch_size}, nullptr);
}

std::optional<EmbeddingMessage> read_embedding(GstMessage* message) {
  const GstStructure* structure = element_message(message, "clip-embedding");
  if (!structure) return std::nullopt;
  EmbeddingMessage embedding;
  embedding.vector = read_vector(structure);
  gst_structure_get_uint64(structure, "timestamp", &embedding.timestamp);
  gst_structure_get_uint64(structure, "stream-time", &embedding.stream_time);
  embedding.reason = read_string(structure, "reason");
  embedding.scene = read_int(structure, "scene-index");
  if (embedding.scene < 0) embedding.scene.reset();
  embedding.score = read_double(structure, "score");
  embedding.entropy = read_double(structure, "entropy");
  embedding.timings = {.decode = {},
                       .preprocess = read_time(structure, "preprocess-time"),
                       .queued = read_time(structure, "queued-time"),
                       .inference = read_time(structure, "inference-time")};
  return embedding;
}

std::optional<SelectMessage> read_selection(GstMessage* message) {
  using Kind = SelectMessage::Kind;
  constexpr std::pair<const char*, Kind> kNames[] = {
      {"clip-select", Kind::kChosen}, {"clip-score", Kind::kScore}, {"clip-select-summary", Kind::kSummary}};
  for (const auto& [name, kind] : kNames) {
    const GstStructure* structure = element_message(message, name);
    if (!structure) continue;
    SelectMessage selection;
    selection.kind = kind;
    gst_structure_get_uint64(structure, "timestamp", &selection.timestamp);
    gst_structure_get_uint64(structure, "stream-time", &selection.stream_time);
    selection.reason = read_string(structure, "reason");
    selection.transition = read_string(structure, "transition");
    selection.scene = read_int(structure, "scene-index");
    selection.score = read_double(structure, "score");
    selection.entropy = read_double(structure, "entropy");
    selection.change = read_double(structure, "change");
    selection.shots = read_int(structure, "shots");
    return selection;
  }
  return std::nullopt;
}

}  // namespace clipembed
