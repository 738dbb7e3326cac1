#include "embed_harness.h"

EmbedHarness embed_harness_new(const char* description) {
  GError* error = NULL;
  GstElement* element = gst_parse_launch(description, &error);
  fail_unless(element != NULL && error == NULL, "%s", error ? error->message : description);
  gst_object_ref_sink(element);
  EmbedHarness self = {.element = element, .bus = gst_bus_new()};
  gst_element_set_bus(element, self.bus);
  self.harness = gst_harness_new_with_element(element, "sink", "src");
  return self;
}

void embed_harness_free(EmbedHarness* self) {
  gst_harness_teardown(self->harness);
  gst_element_set_bus(self->element, NULL);
  gst_bus_set_flushing(self->bus, TRUE);
  gst_object_unref(self->bus);
  gst_object_unref(self->element);
}

GstBuffer* new_frame(guint number) {
  GstBuffer* buffer = gst_buffer_new_allocate(NULL, FRAME_SIZE, NULL);
  gst_buffer_memset(buffer, 0, (guint8)number, FRAME_SIZE);
  GST_BUFFER_PTS(buffer) = number * FRAME_DURATION;
  GST_BUFFER_DURATION(buffer) = FRAME_DURATION;
  return buffer;
}

GstFlowReturn push_frame(EmbedHarness* self, guint number) {
  return gst_harness_push(self->harness, new_frame(number));
}

GstFlowReturn push_until_refused(EmbedHarness* self) {
  GstFlowReturn flow = GST_FLOW_OK;
  for (guint number = 0; flow == GST_FLOW_OK; number++) flow = push_frame(self, number);
  return flow;
}

void expect_frame(EmbedHarness* self, guint number) {
  GstBuffer* buffer = gst_harness_pull(self->harness);
  fail_unless(buffer != NULL, "frame %u never came", number);
  guint8 expected[FRAME_SIZE];
  memset(expected, (guint8)number, FRAME_SIZE);
  gst_check_buffer_data(buffer, expected, FRAME_SIZE);
  fail_unless_equals_uint64(GST_BUFFER_PTS(buffer), number * FRAME_DURATION);
  fail_unless_equals_uint64(GST_BUFFER_DURATION(buffer), FRAME_DURATION);
  gst_buffer_unref(buffer);
}

void expect_event(EmbedHarness* self, GstEventType type) {
  GstEvent* event = gst_harness_pull_event(self->harness);
  fail_unless(event != NULL, "%s never came", gst_event_type_get_name(type));
  fail_unless_equals_string(GST_EVENT_TYPE_NAME(event), gst_event_type_get_name(type));
  gst_event_unref(event);
}

void skip_stream_start(EmbedHarness* self) {
  expect_event(self, GST_EVENT_STREAM_START);
  expect_event(self, GST_EVENT_CAPS);
  expect_event(self, GST_EVENT_SEGMENT);
}

GstMessage* next_message(EmbedHarness* self, GstMessageType type) {
  GstMessage* message = gst_bus_timed_pop_filtered(self->bus, 60 * GST_SECOND, type);
  fail_unless(message != NULL, "no %s message", gst_message_type_get_name(type));
  return message;
}

GstMessage* next_element_message(EmbedHarness* self, const char* name) {
  GstMessage* message = next_message(self, GST_MESSAGE_ELEMENT);
  fail_unless_equals_string(gst_structure_get_name(gst_message_get_structure(message)), name);
  return message;
}

gchar* expect_error(EmbedHarness* self, GQuark domain, gint code) {
  GstMessage* message = next_message(self, GST_MESSAGE_ERROR);
  GError* error = NULL;
  gst_message_parse_error(message, &error, NULL);
  fail_unless(g_error_matches(error, domain, code), "%s %d: %s", g_quark_to_string(error->domain), error->code,
              error->message);
  gchar* text = g_strdup(error->message);
  g_error_free(error);
  gst_message_unref(message);
  return text;
}

gboolean no_message(EmbedHarness* self, GstMessageType types) {
  GstMessage* message = gst_bus_pop_filtered(self->bus, types);
  if (message != NULL) gst_message_unref(message);
  return message == NULL;
}

guint64 message_uint64(GstMessage* message, const char* field) {
  guint64 value = 0;
  fail_unless(gst_structure_get_uint64(gst_message_get_structure(message), field, &value), "no %s", field);
  return value;
}

const gfloat* message_vector(GstMessage* message, gint dim) {
  const GstStructure* structure = gst_message_get_structure(message);
  gint stated = 0;
  fail_unless(gst_structure_get_int(structure, "dim", &stated));
  fail_unless_equals_int(stated, dim);
  const GValue* value = gst_structure_get_value(structure, "embedding");
  fail_unless(value != NULL && G_VALUE_HOLDS(value, G_TYPE_BYTES));
  gsize size = 0;
  const gfloat* floats = g_bytes_get_data(g_value_get_boxed(value), &size);
  fail_unless_equals_int(size, dim * sizeof(gfloat));
  return floats;
}

gchar* reference(const char* name) { return g_build_filename(g_getenv("CLIPEMBED_REFERENCE"), name, NULL); }

gchar* with_model(const gchar* description) {
  g_autofree gchar* model = reference("model-a");
  g_autofree gchar* element = g_strdup_printf("clipembed name=embed model=\"%s\" precision=fp32", model);
  g_auto(GStrv) parts = g_strsplit(description, "EMBED", -1);
  return g_strjoinv(element, parts);
}

EmbedHarness start(const gchar* description) {
  EmbedHarness h = embed_harness_new(description);
  gst_harness_set_src_caps_str(h.harness, FRAME_CAPS);
  return h;
}

void push_event(EmbedHarness* h, GstEvent* event) { fail_unless(gst_harness_push_event(h->harness, event)); }
