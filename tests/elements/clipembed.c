/* clipembed with the real engine and the small checkpoint of tests/data/reference: vectors against transformers' own,
 * every format, start-up errors, restarts. How frames and events move is in clipembed_flow.cpp. */
#include <gst/video/video.h>
#include <json-glib/json-glib.h>
#include <math.h>

#include "embed_harness.h"

#define DIM 512

/* Runs the pipeline to its end; its element messages in order, transfer full. */
static GPtrArray* run(const gchar* description) {
  g_autofree gchar* line = with_model(description);
  GError* error = NULL;
  GstElement* pipeline = gst_parse_launch(line, &error);
  fail_unless(error == NULL, "%s: %s", line, error ? error->message : "");
  GPtrArray* messages = g_ptr_array_new_with_free_func((GDestroyNotify)gst_message_unref);
  GstBus* bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (gboolean done = FALSE; !done;) {
    GstMessage* message =
        gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
    fail_unless(message != NULL, "%s: hangs", line);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error(message, &error, NULL);
      fail("%s: %s", line, error->message);
    }
    done = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    if (done) {
      gst_message_unref(message);
    } else {
      g_ptr_array_add(messages, message);
    }
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return messages;
}

static GstMessage* message_at(GPtrArray* messages, guint index, const gchar* name) {
  fail_unless(index < messages->len, "%u messages only", messages->len);
  GstMessage* message = g_ptr_array_index(messages, index);
  fail_unless_equals_string(gst_structure_get_name(gst_message_get_structure(message)), name);
  return message;
}

static gdouble cosine(const gfloat* a, const gfloat* b, gint dim) {
  gdouble ab = 0, aa = 0, bb = 0;
  for (gint i = 0; i < dim; i++) {
    ab += (gdouble)a[i] * b[i];
    aa += (gdouble)a[i] * a[i];
    bb += (gdouble)b[i] * b[i];
  }
  return ab / sqrt(aa * bb);
}

/* What transformers gives for the image. */
static void read_golden(const gchar* image, gfloat golden[DIM]) {
  g_autofree gchar* path = reference("golden.json");
  g_autoptr(JsonParser) parser = json_parser_new();
  fail_unless(json_parser_load_from_file(parser, path, NULL));
  JsonObject* object = json_node_get_object(json_parser_get_root(parser));
  object = json_object_get_object_member(json_object_get_object_member(object, "images"), image);
  object = json_object_get_object_member(object, "model-a");
  JsonArray* values = json_object_get_array_member(object, "image_embeds");
  fail_unless_equals_int(json_array_get_length(values), DIM);
  for (guint i = 0; i < DIM; i++) golden[i] = (gfloat)json_array_get_double_element(values, i);
}

/* Embeds a PNG of the reference, converted by `conversion` (with its "!") on the way. */
static gdouble cosine_of_image(const gchar* image, const gchar* conversion) {
  g_autofree gchar* images = reference("images");
  g_autofree gchar* line = g_strdup_printf("filesrc location=\"%s/%s\" ! pngdec ! %s EMBED normalize=false ! fakesink",
                                           images, image, conversion);
  g_autoptr(GPtrArray) messages = run(line);
  gfloat golden[DIM];
  read_golden(image, golden);
  return cosine(message_vector(message_at(messages, 0, "clip-embedding"), DIM), golden, DIM);
}

static const gchar* const kImages[] = {"alpha.png",   "exact224.png", "gray.png", "near224.png", "onepixel.png",
                                       "palette.png", "small.png",    "tall.png", "wide.png"};

GST_START_TEST(vectors_equal_those_of_transformers) {
  const gdouble similarity = cosine_of_image(kImages[__i__], "");
  fail_unless(similarity >= 0.999999, "%s: cosine %.8f", kImages[__i__], similarity);
}
GST_END_TEST

static const gchar* const kFormats[] = {
    "format=RGB",  "format=BGR",  "format=RGBx", "format=BGRx", "format=xRGB",      "format=xBGR",
    "format=RGBA", "format=BGRA", "format=ARGB", "format=ABGR", "format=I420",      "format=YV12",
    "format=NV12", "format=NV21", "format=Y42B", "format=Y444", "format=P010_10LE", "format=I420_10LE"};

GST_START_TEST(every_colour_format_gives_the_vector_of_the_picture) {
  g_autofree gchar* conversion = g_strdup_printf("videoconvert ! video/x-raw,%s !", kFormats[__i__]);
  const gdouble similarity = cosine_of_image("palette.png", conversion);
  fail_unless(similarity >= 0.9995, "%s: cosine %.8f", kFormats[__i__], similarity);
}
GST_END_TEST

/* Colorimetry as caps spell it, with the luma weights of its matrix and whether it is full range. */
static const struct {
  const gchar* caps;
  gdouble kr, kb;
  gboolean full;
} kColorimetries[] = {
    {"bt601", 0.299, 0.114, FALSE},     {"bt709", 0.2126, 0.0722, FALSE},  {"bt2020", 0.2627, 0.0593, FALSE},
    {"1:4:0:0", 0.299, 0.114, TRUE},    {"1:3:5:1", 0.2126, 0.0722, TRUE}, {"1:6:0:0", 0.2627, 0.0593, TRUE},
    {"2:5:0:0", 0.2126, 0.0722, FALSE}, {"0:0:0:0", 0.299, 0.114, FALSE},
};

enum { kSide = 64 };

/* A picture with every hue in it. */
static void pixel_at(gint x, gint y, gint rgb[3]) {
  rgb[0] = 255 * x / (kSide - 1);
  rgb[1] = 255 * y / (kSide - 1);
  rgb[2] = (x / 8 + y / 8) % 2 ? 220 : 30;
}

static GstBuffer* rgb_picture(void) {
  guint8 bytes[kSide * kSide * 3];
  for (gint i = 0; i < kSide * kSide; i++) {
    gint rgb[3];
    pixel_at(i % kSide, i / kSide, rgb);
    for (gint c = 0; c < 3; c++) bytes[3 * i + c] = (guint8)rgb[c];
  }
  return gst_buffer_new_memdup(bytes, sizeof bytes);
}

/* The same by the formulas of ITU-R BT.601, BT.709 and BT.2020, rounded; videoconvert truncates. */
static GstBuffer* y444_picture(gdouble kr, gdouble kb, gboolean full) {
  guint8 bytes[3][kSide * kSide];
  const gdouble luma = full ? 255 : 219, chroma = full ? 255 : 224;
  for (gint i = 0; i < kSide * kSide; i++) {
    gint rgb[3];
    pixel_at(i % kSide, i / kSide, rgb);
    const gdouble y = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
    bytes[0][i] = (guint8)lround((full ? 0 : 16) + y * luma / 255);
    bytes[1][i] = (guint8)MIN(lround(128 + (rgb[2] - y) / (2 * (1 - kb)) * chroma / 255), 255);
    bytes[2][i] = (guint8)MIN(lround(128 + (rgb[0] - y) / (2 * (1 - kr)) * chroma / 255), 255);
  }
  return gst_buffer_new_memdup(bytes, sizeof bytes);
}

GST_START_TEST(the_colorimetry_of_the_caps_is_used) {
  g_autofree gchar* line = with_model("EMBED batch-size=1");
  EmbedHarness h = embed_harness_new(line);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=RGB,width=64,height=64,framerate=1/1");
  fail_unless_equals_int(gst_harness_push(h.harness, rgb_picture()), GST_FLOW_OK);
  g_autofree gchar* caps = g_strdup_printf("video/x-raw,format=Y444,width=64,height=64,framerate=1/1,colorimetry=%s",
                                           kColorimetries[__i__].caps);
  gst_harness_set_src_caps_str(h.harness, caps);
  GstBuffer* picture = y444_picture(kColorimetries[__i__].kr, kColorimetries[__i__].kb, kColorimetries[__i__].full);
  fail_unless_equals_int(gst_harness_push(h.harness, picture), GST_FLOW_OK);
  GstMessage* rgb = next_element_message(&h, "clip-embedding");
  GstMessage* yuv = next_element_message(&h, "clip-embedding");
  const gdouble similarity = cosine(message_vector(rgb, DIM), message_vector(yuv, DIM), DIM);
  fail_unless(similarity >= 0.9999, "%s: cosine %.8f", caps, similarity);
  gst_message_unref(rgb);
  gst_message_unref(yuv);
  embed_harness_free(&h);
}
GST_END_TEST

/* One picture at each site of chroma samples in turn. */
GST_START_TEST(the_chroma_site_of_the_caps_is_used_and_is_the_centre_when_unknown) {
  static const gchar* const kSites[] = {"", ",chroma-site=jpeg", ",chroma-site=mpeg2", ",chroma-site=cosited"};
  guint8 bytes[kSide * kSide * 3 / 2];
  for (guint i = 0; i < sizeof bytes; i++) bytes[i] = (guint8)(i < kSide * kSide ? 128 : 40 + i * 37 % 176);
  g_autofree gchar* line = with_model("EMBED batch-size=1");
  EmbedHarness h = embed_harness_new(line);
  GstMessage* messages[G_N_ELEMENTS(kSites)];
  for (guint i = 0; i < G_N_ELEMENTS(kSites); i++) {
    g_autofree gchar* caps =
        g_strconcat("video/x-raw,format=I420,width=64,height=64,framerate=1/1,colorimetry=bt601", kSites[i], NULL);
    gst_harness_set_src_caps_str(h.harness, caps);
    fail_unless_equals_int(gst_harness_push(h.harness, gst_buffer_new_memdup(bytes, sizeof bytes)), GST_FLOW_OK);
    messages[i] = next_element_message(&h, "clip-embedding");
  }
  const gfloat* unknown = message_vector(messages[0], DIM);
  fail_unless(memcmp(unknown, message_vector(messages[1], DIM), DIM * sizeof(gfloat)) == 0);
  fail_unless(memcmp(unknown, message_vector(messages[2], DIM), DIM * sizeof(gfloat)) != 0);
  fail_unless(memcmp(message_vector(messages[2], DIM), message_vector(messages[3], DIM), DIM * sizeof(gfloat)) != 0);
  for (guint i = 0; i < G_N_ELEMENTS(kSites); i++) gst_message_unref(messages[i]);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(grey_frames_are_taken) {
  const gdouble similarity = cosine_of_image("gray.png", "videoconvert ! video/x-raw,format=GRAY8 !");
  fail_unless(similarity >= 0.999999, "cosine %.8f", similarity);
}
GST_END_TEST

static const gchar* const kSizes[] = {"width=1,height=1", "width=3,height=1", "width=35,height=17",
                                      "width=17,height=351", "width=225,height=223"};

GST_START_TEST(odd_sizes_are_taken_in_subsampled_formats) {
  static const gchar* const formats[] = {"I420", "YV12", "NV12", "NV21", "Y42B"};
  for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
    g_autofree gchar* line = g_strdup_printf("videotestsrc num-buffers=1 ! video/x-raw,format=%s,%s ! EMBED ! fakesink",
                                             formats[i], kSizes[__i__]);
    g_autoptr(GPtrArray) messages = run(line);
    const gfloat* vector = message_vector(message_at(messages, 0, "clip-embedding"), DIM);
    fail_unless(fabs(cosine(vector, vector, DIM) - 1) < 1e-9, "%s: no vector", line); /* NaN is not below */
  }
}
GST_END_TEST

GST_START_TEST(a_frame_is_read_with_the_strides_of_its_video_meta) {
  enum { kWidth = 35, kHeight = 17, kPacked = 3 * kWidth + 3, kPadded = 128, kOffset = 64 };
  g_autofree gchar* line = with_model("EMBED batch-size=1");
  EmbedHarness h = embed_harness_new(line);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=RGB,width=35,height=17,framerate=25/1");
  GstBuffer* packed = gst_buffer_new_allocate(NULL, kPacked * kHeight, NULL);
  GstBuffer* padded = gst_buffer_new_allocate(NULL, kOffset + kPadded * kHeight, NULL);
  gst_buffer_memset(padded, 0, 0xff, gst_buffer_get_size(padded));
  for (guint y = 0; y < kHeight; y++) {
    guint8 row[kPacked];
    for (guint x = 0; x < kPacked; x++) row[x] = (guint8)(31 * x + 57 * y);
    gst_buffer_fill(packed, y * kPacked, row, kPacked);
    gst_buffer_fill(padded, kOffset + y * kPadded, row, 3 * kWidth);
  }
  gsize offset[] = {kOffset, 0, 0, 0};
  gint stride[] = {kPadded, 0, 0, 0};
  gst_buffer_add_video_meta_full(padded, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, kWidth, kHeight, 1, offset,
                                 stride);
  fail_unless_equals_int(gst_harness_push(h.harness, packed), GST_FLOW_OK);
  fail_unless_equals_int(gst_harness_push(h.harness, padded), GST_FLOW_OK);
  GstMessage* first = next_element_message(&h, "clip-embedding");
  GstMessage* second = next_element_message(&h, "clip-embedding");
  fail_unless(memcmp(message_vector(first, DIM), message_vector(second, DIM), DIM * sizeof(gfloat)) == 0);
  gst_message_unref(first);
  gst_message_unref(second);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(one_message_a_frame_in_order_then_the_summary) {
  g_autoptr(GPtrArray) messages = run(
      "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=25/1 ! EMBED batch-size=8 ! fakesink");
  fail_unless_equals_int(messages->len, 21);
  guint64 inference = 0, preprocess = 0, queued = 0;
  for (guint i = 0; i < 20; i++) {
    GstMessage* message = message_at(messages, i, "clip-embedding");
    const GstStructure* structure = gst_message_get_structure(message);
    fail_unless_equals_uint64(message_uint64(message, "frame"), i);
    fail_unless_equals_uint64(message_uint64(message, "timestamp"), i * 40 * GST_MSECOND);
    fail_unless_equals_uint64(message_uint64(message, "running-time"), i * 40 * GST_MSECOND);
    fail_unless_equals_uint64(message_uint64(message, "duration"), 40 * GST_MSECOND);
    fail_unless_equals_string(gst_structure_get_string(structure, "reason"), "every");
    inference += message_uint64(message, "inference-time");
    preprocess += message_uint64(message, "preprocess-time");
    queued += message_uint64(message, "queued-time");
    const gfloat* vector = message_vector(message, DIM);
    gdouble squares = 0;
    for (gint j = 0; j < DIM; j++) squares += (gdouble)vector[j] * vector[j];
    fail_unless(fabs(squares - 1) < 1e-5);
  }
  GstMessage* summary = message_at(messages, 20, "clip-summary");
  fail_unless_equals_uint64(message_uint64(summary, "count"), 20);
  fail_unless(inference > 0 && preprocess > 0);
  fail_unless_equals_uint64(message_uint64(summary, "inference-time"), inference);
  fail_unless_equals_uint64(message_uint64(summary, "preprocess-time"), preprocess);
  fail_unless_equals_uint64(message_uint64(summary, "queued-time"), queued);
}
GST_END_TEST

GST_START_TEST(the_batch_size_changes_no_vector) {
  const gchar* source = "videotestsrc num-buffers=5 pattern=ball ! video/x-raw,width=320,height=240 !";
  g_autofree gchar* single = g_strdup_printf("%s EMBED batch-size=1 ! fakesink", source);
  g_autofree gchar* batched = g_strdup_printf("%s EMBED batch-size=5 ! fakesink", source);
  g_autoptr(GPtrArray) a = run(single);
  g_autoptr(GPtrArray) b = run(batched);
  for (guint i = 0; i < 5; i++) {
    const gfloat* one = message_vector(message_at(a, i, "clip-embedding"), DIM);
    fail_unless(cosine(one, message_vector(message_at(b, i, "clip-embedding"), DIM), DIM) > 0.9999999);
  }
}
GST_END_TEST

GST_START_TEST(frames_leave_unmodified_and_in_order) {
  g_autofree gchar* line = with_model("EMBED batch-size=4");
  EmbedHarness h = embed_harness_new(line);
  gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
  for (guint i = 0; i < 10; i++) fail_unless_equals_int(push_frame(&h, i), GST_FLOW_OK);
  gst_harness_push_event(h.harness, gst_event_new_eos());
  for (guint i = 0; i < 10; i++) expect_frame(&h, i);
  embed_harness_free(&h);
}
GST_END_TEST

GST_START_TEST(a_change_of_caps_keeps_every_frame_in_its_own_format) {
  g_autofree gchar* line = with_model("EMBED batch-size=8");
  EmbedHarness h = embed_harness_new(line);
  gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
  fail_unless_equals_int(push_frame(&h, 0), GST_FLOW_OK);
  gst_harness_set_src_caps_str(h.harness, "video/x-raw,format=BGRx,width=50,height=40,framerate=25/1");
  GstBuffer* frame = gst_buffer_new_allocate(NULL, 50 * 40 * 4, NULL);
  gst_buffer_memset(frame, 0, 0, 50 * 40 * 4);
  fail_unless_equals_int(gst_harness_push(h.harness, frame), GST_FLOW_OK);
  gst_harness_push_event(h.harness, gst_event_new_eos());
  expect_frame(&h, 0);
  GstMessage* first = next_element_message(&h, "clip-embedding");
  GstMessage* second = next_element_message(&h, "clip-embedding");
  /* Both pictures are black. */
  fail_unless(cosine(message_vector(first, DIM), message_vector(second, DIM), DIM) > 0.9999999);
  gst_message_unref(first);
  gst_message_unref(second);
  embed_harness_free(&h);
}
GST_END_TEST

static Suite* clipembed_suite(void) {
  Suite* suite = suite_create("clipembed");
  TCase* tcase = tcase_create("clipembed");
  suite_add_tcase(suite, tcase);
  tcase_add_loop_test(tcase, vectors_equal_those_of_transformers, 0, G_N_ELEMENTS(kImages));
  tcase_add_loop_test(tcase, every_colour_format_gives_the_vector_of_the_picture, 0, G_N_ELEMENTS(kFormats));
  tcase_add_loop_test(tcase, the_colorimetry_of_the_caps_is_used, 0, G_N_ELEMENTS(kColorimetries));
  tcase_add_test(tcase, the_chroma_site_of_the_caps_is_used_and_is_the_centre_when_unknown);
  tcase_add_test(tcase, grey_frames_are_taken);
  tcase_add_loop_test(tcase, odd_sizes_are_taken_in_subsampled_formats, 0, G_N_ELEMENTS(kSizes));
  tcase_add_test(tcase, a_frame_is_read_with_the_strides_of_its_video_meta);
  tcase_add_test(tcase, one_message_a_frame_in_order_then_the_summary);
  tcase_add_test(tcase, the_batch_size_changes_no_vector);
  tcase_add_test(tcase, frames_leave_unmodified_and_in_order);
  tcase_add_test(tcase, a_change_of_caps_keeps_every_frame_in_its_own_format);
  return suite;
}

GST_CHECK_MAIN(clipembed)
