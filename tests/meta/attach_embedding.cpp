// What clipembed leaves on a frame: its own meta, and a tensor for GStreamer's analytics beside those of other
// elements.
#include "gst/embedding_meta.h"

#include "gst/clipmeta/clipmeta.h"
#ifdef HAVE_GST_TENSOR_META
#include <gst/analytics/analytics.h>
#endif

// Last: check.h defines macros, among them fail(), that the standard library's headers trip over.
#include <gst/check/gstcheck.h>

namespace {

constexpr float kVector[] = {0.6F, 0.8F, 0};

void attach(GstBuffer* buffer, const char* model) {
  clipembed::EngineInfo engine;
  engine.model = model;
  clipembed::attach_embedding(buffer, engine, kVector, true, "marked", 3, 0.5);
}

GstBuffer* new_embedded_frame() {
  GstBuffer* buffer = gst_buffer_new();
  attach(buffer, "openai/clip-vit-base-patch32");
  return buffer;
}

}  // namespace

START_TEST(the_embedding_is_attached) {
  GstBuffer* buffer = new_embedded_frame();
  const GstClipEmbeddingMeta* meta = gst_buffer_get_clip_embedding_meta(buffer);
  fail_unless_equals_string(meta->model, "openai/clip-vit-base-patch32");
  fail_unless_equals_int(meta->dim, 3);
  fail_unless(memcmp(meta->embedding, kVector, sizeof kVector) == 0);
  fail_unless(meta->normalized);
  fail_unless_equals_string(meta->reason, "marked");
  fail_unless_equals_int(meta->scene_index, 3);
  fail_unless_equals_float(meta->score, 0.5);
  gst_buffer_unref(buffer);
}
END_TEST

#ifdef HAVE_GST_TENSOR_META
namespace {

GQuark embedding_id() { return g_quark_from_static_string("clip-image-embedding"); }

GstTensor* new_other_tensor() {
  gsize dims[] = {1};
  return gst_tensor_new_simple(g_quark_from_static_string("other"), GST_TENSOR_DATA_TYPE_UINT8,
                               gst_buffer_new_allocate(nullptr, 1, nullptr), GST_TENSOR_DIM_ORDER_ROW_MAJOR, 1, dims);
}

}  // namespace

START_TEST(the_tensor_is_one_row_of_floats) {
  GstBuffer* buffer = new_embedded_frame();
  GstTensorMeta* meta = gst_buffer_get_tensor_meta(buffer);
  fail_unless_equals_int(meta->num_tensors, 1);
  const GstTensor* tensor = gst_tensor_meta_get(meta, 0);
  fail_unless_equals_int(tensor->id, embedding_id());
  fail_unless_equals_int(tensor->layout, GST_TENSOR_LAYOUT_CONTIGUOUS);
  fail_unless_equals_int(tensor->data_type, GST_TENSOR_DATA_TYPE_FLOAT32);
  fail_unless_equals_int(tensor->dims_order, GST_TENSOR_DIM_ORDER_ROW_MAJOR);
  fail_unless_equals_int(tensor->num_dims, 2);
  fail_unless_equals_int(tensor->dims[0], 1);
  fail_unless_equals_int(tensor->dims[1], 3);
  gst_check_buffer_data(tensor->data, kVector, sizeof kVector);
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(tensors_of_other_elements_stay) {
  GstBuffer* buffer = gst_buffer_new();
  GstTensor** others = g_new(GstTensor*, 1);
  others[0] = new_other_tensor();
  gst_tensor_meta_set(gst_buffer_add_tensor_meta(buffer), 1, others);
  attach(buffer, "first");
  attach(buffer, "second");

  GstTensorMeta* meta = gst_buffer_get_tensor_meta(buffer);
  fail_unless_equals_int(gst_buffer_get_n_meta(buffer, GST_TENSOR_META_API_TYPE), 1);
  fail_unless_equals_int(meta->num_tensors, 3);
  fail_unless_equals_int(gst_tensor_meta_get_index_from_id(meta, g_quark_from_static_string("other")), 0);
  fail_unless_equals_int(gst_buffer_get_size(meta->tensors[0]->data), 1);
  fail_unless_equals_int(gst_tensor_meta_get_index_from_id(meta, embedding_id()), 1);
  fail_unless_equals_int(meta->tensors[2]->id, embedding_id());
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(the_tensor_outlives_the_frame) {
  GstBuffer* buffer = new_embedded_frame();
  GstTensor* tensor = gst_tensor_copy(gst_tensor_meta_get(gst_buffer_get_tensor_meta(buffer), 0));
  gst_buffer_unref(buffer);
  gst_check_buffer_data(tensor->data, kVector, sizeof kVector);
  gst_tensor_free(tensor);
}
END_TEST
#endif

static Suite* attach_embedding_suite() {
  Suite* suite = suite_create("attach_embedding");
  TCase* tcase = tcase_create("metas");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, the_embedding_is_attached);
#ifdef HAVE_GST_TENSOR_META
  tcase_add_test(tcase, the_tensor_is_one_row_of_floats);
  tcase_add_test(tcase, tensors_of_other_elements_stay);
  tcase_add_test(tcase, the_tensor_outlives_the_frame);
#endif
  return suite;
}

GST_CHECK_MAIN(attach_embedding)
