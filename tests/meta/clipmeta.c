/* What a user of the metas' C API can count on, on buffers of one process. */
#include <math.h>

#include "tests/meta/sample_metas.h"

START_TEST(what_is_added_is_read) {
  GstBuffer* buffer = gst_buffer_new();
  fail_if(gst_buffer_get_clip_embedding_meta(buffer) || gst_buffer_get_clip_mark_meta(buffer));
  add_samples(buffer);
  fail_unless(has_samples(buffer));
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(accessors_give_the_vector_and_bytes_that_outlive_the_buffer) {
  GstBuffer* buffer = gst_buffer_new();
  add_samples(buffer);
  const GstClipEmbeddingMeta* meta = gst_buffer_get_clip_embedding_meta(buffer);
  guint dim;
  fail_unless(gst_clip_embedding_meta_get_embedding(meta, &dim) == meta->embedding);
  fail_unless_equals_int(dim, SAMPLE_DIM);
  g_autoptr(GBytes) bytes = gst_clip_embedding_meta_as_bytes(meta);
  gst_buffer_unref(buffer);
  g_autoptr(GBytes) expected = g_bytes_new_static(kSampleVector, sizeof kSampleVector);
  fail_unless(g_bytes_equal(bytes, expected));
}
END_TEST

START_TEST(embeddings_of_several_models_stand_side_by_side) {
  const gfloat other[] = {1};
  GstBuffer* buffer = gst_buffer_new();
  add_samples(buffer);
  gst_buffer_add_clip_embedding_meta(buffer, "other", other, 1, FALSE, "every", GST_CLIP_NO_SCENE, GST_CLIP_NO_SCORE);
  fail_unless(is_sample_embedding(gst_buffer_get_clip_embedding_meta(buffer)));
  fail_unless(is_sample_embedding(gst_buffer_get_clip_embedding_meta_of_model(buffer, SAMPLE_MODEL)));
  fail_unless_equals_int(gst_buffer_get_clip_embedding_meta_of_model(buffer, "other")->dim, 1);
  fail_if(gst_buffer_get_clip_embedding_meta_of_model(buffer, "absent"));
  fail_unless_equals_int(gst_buffer_get_n_meta(buffer, GST_CLIP_EMBEDDING_META_API_TYPE), 2);
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_copy_keeps_the_metas_and_a_part_does_not) {
  GstBuffer* buffer = gst_buffer_new_allocate(NULL, 16, NULL);
  add_samples(buffer);
  GstBuffer* whole = gst_buffer_copy(buffer);
  GstBuffer* deep = gst_buffer_copy_deep(buffer);
  GstBuffer* part = gst_buffer_copy_region(buffer, GST_BUFFER_COPY_ALL, 4, 4);
  gst_buffer_unref(buffer);
  fail_unless(has_samples(whole));
  fail_unless(has_samples(deep));
  fail_if(gst_buffer_get_clip_embedding_meta(part) || gst_buffer_get_clip_mark_meta(part));
  gst_buffer_unref(whole);
  gst_buffer_unref(deep);
  gst_buffer_unref(part);
}
END_TEST

START_TEST(text_becomes_utf8) {
  GstBuffer* buffer = gst_buffer_new();
  const GstClipMarkMeta* mark =
      gst_buffer_add_clip_mark_meta(buffer, "caf\xe9", GST_CLIP_NO_SCENE, GST_CLIP_NO_SCORE, GST_CLIP_NO_ENTROPY);
  fail_unless_equals_string(mark->reason, "caf\xef\xbf\xbd");
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(a_buffer_pool_can_clear_the_metas) {
  GstBuffer* buffer = gst_buffer_new();
  add_samples(buffer);
  GstClipEmbeddingMeta* embedding = gst_buffer_get_clip_embedding_meta(buffer);
  GstClipMarkMeta* mark = gst_buffer_get_clip_mark_meta(buffer);
  embedding->meta.info->clear_func(buffer, &embedding->meta);
  mark->meta.info->clear_func(buffer, &mark->meta);
  fail_unless(embedding->dim == 0 && !embedding->embedding && !embedding->model && !embedding->reason);
  fail_if(mark->reason);

  /* Nothing is left to copy or to send. */
  GstBuffer* copy = gst_buffer_copy(buffer);
  fail_unless_equals_int(gst_buffer_get_n_meta(copy, GST_CLIP_EMBEDDING_META_API_TYPE), 0);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  fail_if(gst_meta_serialize_simple(&embedding->meta, bytes) || gst_meta_serialize_simple(&mark->meta, bytes));
  gst_buffer_unref(copy);
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(arguments_out_of_range_are_refused) {
  GstBuffer* buffer = gst_buffer_new();
#define EXPECT_REFUSED(call)                                                               \
  g_test_expect_message("GStreamer-ClipMeta", G_LOG_LEVEL_CRITICAL, "*assertion*failed*"); \
  fail_if(call);                                                                           \
  g_test_assert_expected_messages()
#define ADD(model, vector, dim, reason, scene, score) \
  gst_buffer_add_clip_embedding_meta(buffer, model, vector, dim, FALSE, reason, scene, score)
  EXPECT_REFUSED(ADD(NULL, kSampleVector, SAMPLE_DIM, "every", 0, 0));
  EXPECT_REFUSED(ADD("m", NULL, SAMPLE_DIM, "every", 0, 0));
  EXPECT_REFUSED(ADD("m", kSampleVector, 0, "every", 0, 0));
  EXPECT_REFUSED(ADD("m", kSampleVector, GST_CLIP_EMBEDDING_MAX_DIM + 1, "every", 0, 0));
  EXPECT_REFUSED(ADD("m", kSampleVector, SAMPLE_DIM, NULL, 0, 0));
  EXPECT_REFUSED(ADD("m", kSampleVector, SAMPLE_DIM, "every", -2, 0));
  EXPECT_REFUSED(ADD("m", kSampleVector, SAMPLE_DIM, "every", 0, -0.5));
  EXPECT_REFUSED(ADD("m", kSampleVector, SAMPLE_DIM, "every", 0, NAN));
  EXPECT_REFUSED(gst_buffer_add_clip_mark_meta(buffer, NULL, 0, 0, 0));
  EXPECT_REFUSED(gst_buffer_add_clip_mark_meta(buffer, "cut", 0, INFINITY, 0));
  EXPECT_REFUSED(gst_buffer_add_clip_mark_meta(buffer, "cut", 0, 0, 8.5));
  EXPECT_REFUSED(gst_buffer_add_clip_mark_meta(buffer, "cut", 0, 0, NAN));
#undef ADD
#undef EXPECT_REFUSED
  fail_if(gst_buffer_get_clip_embedding_meta(buffer) || gst_buffer_get_clip_mark_meta(buffer));
  gst_buffer_unref(buffer);
}
END_TEST

static Suite* clipmeta_suite(void) {
  Suite* suite = suite_create("clipmeta");
  TCase* tcase = tcase_create("buffers");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, what_is_added_is_read);
  tcase_add_test(tcase, accessors_give_the_vector_and_bytes_that_outlive_the_buffer);
  tcase_add_test(tcase, embeddings_of_several_models_stand_side_by_side);
  tcase_add_test(tcase, a_copy_keeps_the_metas_and_a_part_does_not);
  tcase_add_test(tcase, text_becomes_utf8);
  tcase_add_test(tcase, a_buffer_pool_can_clear_the_metas);
  tcase_add_test(tcase, arguments_out_of_range_are_refused);
  return suite;
}

GST_CHECK_MAIN(clipmeta)
