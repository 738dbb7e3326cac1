/* What the element tests share: a clipembed in a GstHarness, with a bus of its own to read its messages from. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

G_BEGIN_DECLS

#define FRAME_CAPS "video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1"
#define FRAME_SIZE (16 * 16)
#define FRAME_DURATION (40 * GST_MSECOND)

typedef struct {
  GstHarness* harness;
  GstElement* element;
  GstBus* bus;
} EmbedHarness;

/* `description`: as for gst-launch, e.g. "clipembed batch-size=2". Playing, with no caps yet. */
EmbedHarness embed_harness_new(const char* description);
void embed_harness_free(EmbedHarness* self);

/* The `number`-th frame of FRAME_CAPS; every byte is the number. */
GstBuffer* new_frame(guint number);
GstFlowReturn push_frame(EmbedHarness* self, guint number);
/* Pushes frames until one is not taken, and says why. */
GstFlowReturn push_until_refused(EmbedHarness* self);
/* Waits for the next frame downstream and checks that it is the `number`-th, unchanged. */
void expect_frame(EmbedHarness* self, guint number);
/* Waits for the next serialized event downstream and checks its type. */
void expect_event(EmbedHarness* self, GstEventType type);
/* Drops the events that a new stream starts with, up to its segment. */
void skip_stream_start(EmbedHarness* self);

/* Waits for the next message of this type; transfer full. */
GstMessage* next_message(EmbedHarness* self, GstMessageType type);
/* Waits for the next element message and checks its name; transfer full. */
GstMessage* next_element_message(EmbedHarness* self, const char* name);
/* Waits for an error and checks its domain and code; transfer full, its text. */
gchar* expect_error(EmbedHarness* self, GQuark domain, gint code);
/* True where no message of these types has been posted. */
gboolean no_message(EmbedHarness* self, GstMessageType types);

guint64 message_uint64(GstMessage* message, const char* field);
/* The floats of the message's embedding, valid as long as the message; their number is checked against `dim`. */
const gfloat* message_vector(GstMessage* message, gint dim);

/* A path in tests/data/reference; transfer full. */
gchar* reference(const gchar* name);
/* `description` with a clipembed that has the small checkpoint and fp32 in place of "EMBED"; transfer full. */
gchar* with_model(const gchar* description);

/* embed_harness_new(), with FRAME_CAPS sent already. */
EmbedHarness start(const gchar* description);
/* Fails the test where the event is refused; transfer full. */
void push_event(EmbedHarness* h, GstEvent* event);

G_END_DECLS
