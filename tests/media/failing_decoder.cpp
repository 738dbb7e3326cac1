#include "tests/media/failing_decoder.h"

#include <gst/video/gstvideodecoder.h>
#include <gst/video/video.h>

#include <atomic>

struct FailingDecoder {
  GstVideoDecoder parent;
  int frames;
};
struct FailingDecoderClass {
  GstVideoDecoderClass parent;
};

G_DEFINE_TYPE(FailingDecoder, failing_decoder, GST_TYPE_VIDEO_DECODER)

namespace {

std::atomic<int> fail_at = 0;  // -1: at the start
std::atomic<int> starts = 0;

GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("image/jpeg"));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw, format=I420"));

gboolean start(GstVideoDecoder* decoder) {
  ++starts;
  if (fail_at >= 0) return TRUE;
  GST_ELEMENT_ERROR(decoder, RESOURCE, OPEN_READ_WRITE, ("the device is gone"), (nullptr));
  return FALSE;
}

gboolean set_format(GstVideoDecoder* decoder, GstVideoCodecState* input) {
  const GstVideoInfo& info = input->info;
  gst_video_codec_state_unref(
      gst_video_decoder_set_output_state(decoder, GST_VIDEO_FORMAT_I420, info.width, info.height, input));
  return gst_video_decoder_negotiate(decoder);
}

GstFlowReturn handle_frame(GstVideoDecoder* decoder, GstVideoCodecFrame* frame) {
  auto* self = reinterpret_cast<FailingDecoder*>(decoder);
  if (self->frames++ == fail_at) {
    gst_video_decoder_drop_frame(decoder, frame);
    GST_ELEMENT_ERROR(decoder, STREAM, DECODE, ("the device is lost"), (nullptr));
    return GST_FLOW_ERROR;
  }
  const GstFlowReturn allocated = gst_video_decoder_allocate_output_frame(decoder, frame);
  if (allocated != GST_FLOW_OK) return allocated;
  gst_buffer_memset(frame->output_buffer, 0, 128, gst_buffer_get_size(frame->output_buffer));
  return gst_video_decoder_finish_frame(decoder, frame);
}

}  // namespace

static void failing_decoder_init(FailingDecoder* self) { self->frames = 0; }

static void failing_decoder_class_init(FailingDecoderClass* klass) {
  GstElementClass* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink_template);
  gst_element_class_add_static_pad_template(element_class, &src_template);
  gst_element_class_set_static_metadata(element_class, "Failing decoder", "Codec/Decoder/Video/Hardware",
                                        "Fails on cue", "tests");
  GstVideoDecoderClass* decoder_class = GST_VIDEO_DECODER_CLASS(klass);
  decoder_class->start = start;
  decoder_class->set_format = set_format;
  decoder_class->handle_frame = handle_frame;
}

namespace clipembed {

void register_failing_decoder(Failure failure, int frame) {
  fail_at = failure == Failure::kAtStart ? -1 : frame;
  starts = 0;
  gst_element_register(nullptr, kFailingDecoder, GST_RANK_PRIMARY + 100, failing_decoder_get_type());
}

void unregister_failing_decoder() {
  g_autoptr(GstElementFactory) factory = gst_element_factory_find(kFailingDecoder);
  if (factory) gst_registry_remove_feature(gst_registry_get(), GST_PLUGIN_FEATURE(factory));
}

int failing_decoder_starts() { return starts; }

}  // namespace clipembed
