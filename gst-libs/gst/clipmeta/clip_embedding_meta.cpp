#include "gst/clipmeta/clipmeta.h"
#include "gst/clipmeta/meta_type.h"
#include "gst/clipmeta/wire.h"

namespace {

bool dim_is_valid(std::size_t dim) { return dim >= 1 && dim <= GST_CLIP_EMBEDDING_MAX_DIM; }

// `bytes`: transfer full, the vector; the rest is copied.
GstClipEmbeddingMeta* add_embedding(GstBuffer* buffer, const gchar* model, GBytes* bytes, gboolean normalized,
                                    const gchar* reason, gint scene_index, gdouble score) {
  GstMeta* added = gst_buffer_add_meta(buffer, GST_CLIP_EMBEDDING_META_INFO, nullptr);
  if (!added) {
    g_bytes_unref(bytes);
    return nullptr;
  }
  auto* meta = reinterpret_cast<GstClipEmbeddingMeta*>(added);
  gsize size = 0;
  meta->bytes = bytes;
  meta->embedding = static_cast<const gfloat*>(g_bytes_get_data(bytes, &size));
  meta->dim = static_cast<guint>(size / sizeof(gfloat));
  meta->model = g_utf8_make_valid(model, -1);
  meta->normalized = normalized;
  meta->reason = g_utf8_make_valid(reason, -1);
  meta->scene_index = scene_index;
  meta->score = score;
  return meta;
}

struct EmbeddingKind {
  using Meta = GstClipEmbeddingMeta;

  static void clear(Meta& meta) {
    g_free(const_cast<gchar*>(meta.model));
    g_free(const_cast<gchar*>(meta.reason));
    g_clear_pointer(&meta.bytes, g_bytes_unref);
    Meta empty{};
    empty.meta = meta.meta;
    meta = empty;
  }

  static void add(GstBuffer* buffer, const Meta& meta) {
    if (!meta.bytes) return;
    add_embedding(buffer, meta.model, g_bytes_ref(meta.bytes), meta.normalized, meta.reason, meta.scene_index,
                  meta.score);
  }

  static bool write(const Meta& meta, clipmeta::WireWriter& writer) {
    if (!meta.bytes) return false;
    writer.string(meta.model);
    writer.number(static_cast<std::uint8_t>(meta.normalized != FALSE));
    writer.number(std::uint32_t{meta.dim});
    writer.floats({meta.embedding, meta.dim});
    clipmeta::write_choice(writer, meta.reason, meta.scene_index, meta.score);
    return true;
  }

  static Meta* read(GstBuffer* buffer, clipmeta::WireReader& reader) {
    const std::string model = reader.string();
    const auto normalized = reader.number<std::uint8_t>();
    const std::vector<float> embedding = reader.floats(reader.number<std::uint32_t>());
    const clipmeta::Choice choice = clipmeta::read_choice(reader);
    if (!reader.complete() || normalized > 1 || !dim_is_valid(embedding.size()) ||
        !clipmeta::choice_is_valid(choice.scene_index, choice.score))
      return nullptr;
    return gst_buffer_add_clip_embedding_meta(buffer, model.c_str(), embedding.data(),
                                              static_cast<guint>(embedding.size()), normalized, choice.reason.c_str(),
                                              choice.scene_index, choice.score);
  }
};

}  // namespace

GType gst_clip_embedding_meta_api_get_type() {
  static const GType type = clipmeta::register_api("GstClipEmbeddingMetaAPI");
  return type;
}

const GstMetaInfo* gst_clip_embedding_meta_get_info() {
  static const GstMetaInfo* const info =
      clipmeta::register_meta<EmbeddingKind>(GST_CLIP_EMBEDDING_META_API_TYPE, "GstClipEmbeddingMeta");
  return info;
}

GstClipEmbeddingMeta* gst_buffer_add_clip_embedding_meta(GstBuffer* buffer, const gchar* model, const gfloat* embedding,
                                                         guint dim, gboolean normalized, const gchar* reason,
                                                         gint scene_index, gdouble score) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  g_return_val_if_fail(model, nullptr);
  g_return_val_if_fail(embedding, nullptr);
  g_return_val_if_fail(dim_is_valid(dim), nullptr);
  g_return_val_if_fail(reason, nullptr);
  g_return_val_if_fail(clipmeta::choice_is_valid(scene_index, score), nullptr);
  return add_embedding(buffer, model, g_bytes_new(embedding, dim * sizeof(gfloat)), normalized, reason, scene_index,
                       score);
}

GstClipEmbeddingMeta* gst_buffer_get_clip_embedding_meta(GstBuffer* buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  return reinterpret_cast<GstClipEmbeddingMeta*>(gst_buffer_get_meta(buffer, GST_CLIP_EMBEDDING_META_API_TYPE));
}

GstClipEmbeddingMeta* gst_buffer_get_clip_embedding_meta_of_model(GstBuffer* buffer, const gchar* model) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  g_return_val_if_fail(model, nullptr);
  gpointer position = nullptr;
  while (GstMeta* meta = gst_buffer_iterate_meta_filtered(buffer, &position, GST_CLIP_EMBEDDING_META_API_TYPE)) {
    auto* embedding = reinterpret_cast<GstClipEmbeddingMeta*>(meta);
    if (g_strcmp0(embedding->model, model) == 0) return embedding;
  }
  return nullptr;
}

const gfloat* gst_clip_embedding_meta_get_embedding(const GstClipEmbeddingMeta* meta, guint* dim) {
  g_return_val_if_fail(meta, nullptr);
  g_return_val_if_fail(dim, nullptr);
  *dim = meta->dim;
  return meta->embedding;
}

GBytes* gst_clip_embedding_meta_as_bytes(const GstClipEmbeddingMeta* meta) {
  g_return_val_if_fail(meta && meta->bytes, nullptr);
  return g_bytes_ref(meta->bytes);
}
