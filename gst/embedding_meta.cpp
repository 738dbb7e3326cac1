#include "gst/embedding_meta.h"

#include "gst/clipmeta/clipmeta.h"
#include "gst/glib_ptr.h"

// From GStreamer 1.26 on.
#ifdef HAVE_GST_TENSOR_META
#include <gst/analytics/analytics.h>
#endif

namespace clipembed {
namespace {

#ifdef HAVE_GST_TENSOR_META
// gst_tensor_meta_set() frees the tensors that are there, so those of other elements are handed back to it as copies,
// which share their data.
void append_tensor(GstBuffer* buffer, GstTensor* tensor) {
  GstTensorMeta* meta = gst_buffer_get_tensor_meta(buffer);
  if (!meta) meta = gst_buffer_add_tensor_meta(buffer);
  GstTensor** tensors = g_new(GstTensor*, meta->num_tensors + 1);
  for (gsize i = 0; i < meta->num_tensors; i++) tensors[i] = gst_tensor_copy(meta->tensors[i]);
  tensors[meta->num_tensors] = tensor;
  gst_tensor_meta_set(meta, static_cast<guint>(meta->num_tensors + 1), tensors);
}

void attach_tensor(GstBuffer* buffer, const GstClipEmbeddingMeta* meta) {
  const BytesPtr bytes(gst_clip_embedding_meta_as_bytes(meta));
  gsize dims[] = {1, meta->dim};
  append_tensor(buffer, gst_tensor_new_simple(g_quark_from_static_string("clip-image-embedding"),
                                              GST_TENSOR_DATA_TYPE_FLOAT32, gst_buffer_new_wrapped_bytes(bytes.get()),
                                              GST_TENSOR_DIM_ORDER_ROW_MAJOR, G_N_ELEMENTS(dims), dims));
}
#else
void attach_tensor(GstBuffer*, const GstClipEmbeddingMeta*) {}
#endif

}  // namespace

void attach_embedding(GstBuffer* writable, const EngineInfo& engine, std::span<const float> values, bool normalized,
                      const char* reason, int scene_index, double score) {
  const GstClipEmbeddingMeta* meta =
      gst_buffer_add_clip_embedding_meta(writable, engine.model.c_str(), values.data(),
                                         static_cast<guint>(values.size()), normalized, reason, scene_index, score);
  if (meta) attach_tensor(writable, meta);
}

}  // namespace clipembed
