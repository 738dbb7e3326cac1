/* The embedding and the mark that the tests of the metas send about, and whether they arrived. */
#pragma once

#include <gst/check/gstcheck.h>

#include "gst/clipmeta/clipmeta.h"

G_BEGIN_DECLS

#define SAMPLE_MODEL "openai/clip-vit-base-patch32"
#define SAMPLE_DIM 4

static const gfloat kSampleVector[SAMPLE_DIM] = {0.5F, -0.5F, 0.5F, -0.5F};

static inline void add_samples(GstBuffer* buffer) {
  fail_unless(
      gst_buffer_add_clip_embedding_meta(buffer, SAMPLE_MODEL, kSampleVector, SAMPLE_DIM, TRUE, "scene", 7, 0.25));
  fail_unless(gst_buffer_add_clip_mark_meta(buffer, "cut", 7, 0.25, 6.5));
}

static inline gboolean is_sample_embedding(const GstClipEmbeddingMeta* meta) {
  return meta && g_str_equal(meta->model, SAMPLE_MODEL) && meta->dim == SAMPLE_DIM &&
         memcmp(meta->embedding, kSampleVector, sizeof kSampleVector) == 0 && meta->normalized == TRUE &&
         g_str_equal(meta->reason, "scene") && meta->scene_index == 7 && meta->score == 0.25;
}

static inline gboolean is_sample_mark(const GstClipMarkMeta* mark) {
  return mark && g_str_equal(mark->reason, "cut") && mark->scene_index == 7 && mark->score == 0.25 &&
         mark->entropy == 6.5;
}

static inline gboolean has_samples(GstBuffer* buffer) {
  return is_sample_embedding(gst_buffer_get_clip_embedding_meta(buffer)) &&
         is_sample_mark(gst_buffer_get_clip_mark_meta(buffer));
}

G_END_DECLS
