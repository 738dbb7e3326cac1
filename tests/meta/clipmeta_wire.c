/* The metas as bytes: what another process, or an older or newer version of this library, reads. */
#include <math.h>
#include <sys/resource.h>

#include "tests/meta/sample_metas.h"

/* What gst_meta_serialize() puts before a meta's own bytes (1.24 to 1.28): two 32-bit sizes, the name, NUL, version. */
static gsize header_size(const GstMetaInfo* info) { return 4 + 4 + strlen(g_type_name(info->type)) + 1 + 1; }

/* The meta's own bytes; transfer full. */
static GBytes* payload_of(const GstMeta* meta) {
  GByteArray* bytes = g_byte_array_new();
  fail_unless(gst_meta_serialize_simple(meta, bytes));
  g_byte_array_remove_range(bytes, 0, header_size(meta->info));
  return g_byte_array_free_to_bytes(bytes);
}

static GBytes* sample_payload(const GstMetaInfo* info) {
  GstBuffer* buffer = gst_buffer_new();
  add_samples(buffer);
  GBytes* payload = payload_of(gst_buffer_get_meta(buffer, info->api));
  gst_buffer_unref(buffer);
  return payload;
}

/* Reads a copy that ends where its memory ends, so that sanitizers see one byte too many. */
static GstMeta* deserialize(const GstMetaInfo* info, GstBuffer* buffer, const guint8* data, gsize size,
                            guint8 version) {
  g_autofree guint8* exact = g_memdup2(data, size);
  return info->deserialize_func(info, buffer, exact, size, version);
}

/* Whatever the bytes, a meta keeps its promises or is not there. */
static void expect_a_valid_meta_or_none(const GstMetaInfo* info, const guint8* data, gsize size) {
  GstBuffer* buffer = gst_buffer_new();
  const GstMeta* meta = deserialize(info, buffer, data, size, 0);
  fail_unless_equals_int(gst_buffer_get_n_meta(buffer, info->api), meta ? 1 : 0);
  if (meta && info == GST_CLIP_EMBEDDING_META_INFO) {
    const GstClipEmbeddingMeta* embedding = (const GstClipEmbeddingMeta*)meta;
    fail_unless(embedding->dim >= 1 && embedding->dim <= size / sizeof(gfloat));
    fail_unless(g_utf8_validate(embedding->model, -1, NULL) && g_utf8_validate(embedding->reason, -1, NULL));
    fail_unless(embedding->scene_index >= GST_CLIP_NO_SCENE && isfinite(embedding->score));
  } else if (meta) {
    const GstClipMarkMeta* mark = (const GstClipMarkMeta*)meta;
    fail_unless(g_utf8_validate(mark->reason, -1, NULL));
    fail_unless(mark->scene_index >= GST_CLIP_NO_SCENE && isfinite(mark->score));
  }
  gst_buffer_unref(buffer);
}

static const GstMetaInfo* info_at(int i) { return i == 0 ? GST_CLIP_EMBEDDING_META_INFO : GST_CLIP_MARK_META_INFO; }

START_TEST(metas_survive_the_round_trip) {
  GstBuffer* from = gst_buffer_new();
  GstBuffer* to = gst_buffer_new();
  add_samples(from);
  g_autoptr(GByteArray) bytes = g_byte_array_new();
  fail_unless(gst_meta_serialize_simple(&gst_buffer_get_clip_embedding_meta(from)->meta, bytes));
  fail_unless(gst_meta_serialize_simple(&gst_buffer_get_clip_mark_meta(from)->meta, bytes));
  gst_buffer_unref(from);
  for (guint32 read = 0, consumed; read < bytes->len; read += consumed) {
    fail_unless(gst_meta_deserialize(to, bytes->data + read, bytes->len - read, &consumed));
  }
  fail_unless(has_samples(to));
  gst_buffer_unref(to);
}
END_TEST

/* Written out by hand: a change here is a new version. */
START_TEST(the_bytes_are_little_endian_and_stay_as_they_are) {
  static const guint8 kMark[] = {3, 0, 0, 0,    'c',  'u', 't', 0xff, 0xff, 0xff, 0xff, 0,    0,   0,
                                 0, 0, 0, 0xd0, 0x3f, 0,   0,   0,    0,    0,    0,    0x1a, 0x40};
  static const guint8 kEmbedding[] = {1,    0, 0, 0, 'm', 1, 2, 0, 0, 0, 0, 0, 0xc0, 0x3f, 0, 0,    0,
                                      0x80, 0, 0, 0, 0,   7, 0, 0, 0, 0, 0, 0, 0,    0,    0, 0xf0, 0xbf};
  const gfloat vector[] = {1.5F, -0.0F};
  GstBuffer* buffer = gst_buffer_new();
  g_autoptr(GBytes) mark =
      payload_of(&gst_buffer_add_clip_mark_meta(buffer, "cut", GST_CLIP_NO_SCENE, 0.25, 6.5)->meta);
  g_autoptr(GBytes) embedding =
      payload_of(&gst_buffer_add_clip_embedding_meta(buffer, "m", vector, 2, TRUE, "", 7, GST_CLIP_NO_SCORE)->meta);
  g_autoptr(GBytes) expected_mark = g_bytes_new_static(kMark, sizeof kMark);
  g_autoptr(GBytes) expected_embedding = g_bytes_new_static(kEmbedding, sizeof kEmbedding);
  fail_unless(g_bytes_equal(mark, expected_mark));
  fail_unless(g_bytes_equal(embedding, expected_embedding));
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(another_version_is_refused) {
  const GstMetaInfo* info = info_at(_i);
  g_autoptr(GBytes) payload = sample_payload(info);
  gsize size;
  const guint8* data = g_bytes_get_data(payload, &size);
  GstBuffer* buffer = gst_buffer_new();
  fail_unless(deserialize(info, buffer, data, size, 0));
  fail_if(deserialize(info, buffer, data, size, 1));
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(truncated_and_overlong_bytes_are_refused) {
  const GstMetaInfo* info = info_at(_i);
  g_autoptr(GBytes) payload = sample_payload(info);
  GstBuffer* buffer = gst_buffer_new();
  GByteArray* bytes = g_bytes_unref_to_array(g_steal_pointer(&payload));
  for (gsize size = 0; size < bytes->len; size++) fail_if(deserialize(info, buffer, bytes->data, size, 0));
  g_byte_array_append(bytes, (const guint8*)"", 1);
  fail_if(deserialize(info, buffer, bytes->data, bytes->len, 0));
  g_byte_array_unref(bytes);
  gst_buffer_unref(buffer);
}
END_TEST

/* A mark: length and text of the reason, scene index, score, entropy. */
START_TEST(values_out_of_range_are_refused) {
#define ZERO8 0, 0, 0, 0, 0, 0, 0, 0
  static const guint8 kNul[] = {1, 0, 0, 0, 0, 0, 0, 0, 0, ZERO8, ZERO8};
  static const guint8 kNotUtf8[] = {1, 0, 0, 0, 0xff, 0, 0, 0, 0, ZERO8, ZERO8};
  static const guint8 kScene[] = {0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, ZERO8, ZERO8};
  static const guint8 kInfinity[] = {ZERO8, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, ZERO8};
  static const guint8 kNegative[] = {ZERO8, 0, 0, 0, 0, 0, 0, 0xe0, 0xbf, ZERO8};
  static const guint8 kNineBits[] = {ZERO8, ZERO8, 0, 0, 0, 0, 0, 0, 0x22, 0x40};
  static const guint8 kNoNumber[] = {ZERO8, ZERO8, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f};
  static const guint8 kGood[] = {ZERO8, ZERO8, ZERO8};
  static const guint8 kNoFloats[] = {0, 0, 0, 0, 1, ZERO8, ZERO8, 0, 0, 0, 0};
#undef ZERO8
  const GstMetaInfo* mark = GST_CLIP_MARK_META_INFO;
  GstBuffer* buffer = gst_buffer_new();
  fail_if(deserialize(mark, buffer, kNul, sizeof kNul, 0));
  fail_if(deserialize(mark, buffer, kNotUtf8, sizeof kNotUtf8, 0));
  fail_if(deserialize(mark, buffer, kScene, sizeof kScene, 0));
  fail_if(deserialize(mark, buffer, kInfinity, sizeof kInfinity, 0));
  fail_if(deserialize(mark, buffer, kNegative, sizeof kNegative, 0));
  fail_if(deserialize(mark, buffer, kNineBits, sizeof kNineBits, 0));
  fail_if(deserialize(mark, buffer, kNoNumber, sizeof kNoNumber, 0));
  fail_unless(deserialize(mark, buffer, kGood, sizeof kGood, 0));
  fail_if(deserialize(GST_CLIP_EMBEDDING_META_INFO, buffer, kNoFloats, sizeof kNoFloats, 0));
  gst_buffer_unref(buffer);
}
END_TEST

START_TEST(thousands_of_mutations_do_no_harm) {
  const guint32 kTempting[] = {0,          1,          0x7f,       0x80,       0xff,      0x10000,
                               0x3fffffff, 0x40000000, 0x7fffffff, 0x80000000, 0xffffffff};
  const GstMetaInfo* info = info_at(_i);
  g_autoptr(GBytes) payload = sample_payload(info);
  gsize size;
  const guint8* data = g_bytes_get_data(payload, &size);
  g_autofree guint8* mutated = g_malloc(size);
  GRand* random = g_rand_new_with_seed(20);
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);

  /* Every 32-bit field, aligned or not, as a length that is too small, too large, or overflows when multiplied. */
  for (gsize at = 0; at + 4 <= size; at++) {
    for (gsize i = 0; i < G_N_ELEMENTS(kTempting); i++) {
      memcpy(mutated, data, size);
      const guint32 field = GUINT32_TO_LE(kTempting[i]);
      memcpy(mutated + at, &field, sizeof field);
      expect_a_valid_meta_or_none(info, mutated, size);
    }
  }
  for (int round = 0; round < 20000; round++) {
    memcpy(mutated, data, size);
    for (gint32 flips = g_rand_int_range(random, 1, 5); flips > 0; flips--) {
      mutated[g_rand_int_range(random, 0, (gint32)size)] = (guint8)g_rand_int(random);
    }
    expect_a_valid_meta_or_none(info, mutated, (gsize)g_rand_int_range(random, 0, (gint32)size + 1));
    expect_a_valid_meta_or_none(info, mutated, size);
  }

  getrusage(RUSAGE_SELF, &after);
  fail_unless(after.ru_maxrss - before.ru_maxrss < 64 * 1024, "took %ld KB", after.ru_maxrss - before.ru_maxrss);
  g_rand_free(random);
}
END_TEST

static Suite* clipmeta_wire_suite(void) {
  Suite* suite = suite_create("clipmeta_wire");
  TCase* tcase = tcase_create("bytes");
  suite_add_tcase(suite, tcase);
  tcase_add_test(tcase, metas_survive_the_round_trip);
  tcase_add_test(tcase, the_bytes_are_little_endian_and_stay_as_they_are);
  tcase_add_loop_test(tcase, another_version_is_refused, 0, 2);
  tcase_add_loop_test(tcase, truncated_and_overlong_bytes_are_refused, 0, 2);
  tcase_add_test(tcase, values_out_of_range_are_refused);
  tcase_add_loop_test(tcase, thousands_of_mutations_do_no_harm, 0, 2);
  return suite;
}

GST_CHECK_MAIN(clipmeta_wire)
