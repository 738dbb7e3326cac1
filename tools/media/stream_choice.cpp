#include "tools/media/stream_choice.h"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace clipembed {
namespace {

constexpr std::chrono::milliseconds kParserTime{500};

struct FeaturesFree {
  void operator()(GList* features) const { gst_plugin_feature_list_free(features); }
};
using Features = std::unique_ptr<GList, FeaturesFree>;

// As decodebin3 asks.
bool has_decoder(const GstCaps* caps) {
  const Features all(gst_element_factory_list_get_elements(GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL));
  return Features(gst_element_factory_list_filter(all.get(), caps, GST_PAD_SINK, gst_caps_is_fixed(caps))) != nullptr;
}

// decodebin3 (1.26.2) looks for a decoder when its queue sees that a stream starts, by the caps that the stream has
// then. Where its other thread is late, these are still the demuxer's and not the parser's ("video/x-h264,
// stream-format=byte-stream" of MPEG-TS, without an alignment), which no decoder takes: "missing decoder" for one file
// in three on a busy machine. It asks for our choice just before, so the parser gets its time here.
void wait_for_parsed_caps(GstStream* stream) {
  struct Change {
    std::mutex mutex;
    std::condition_variable changed;
    static void on_caps(GstStream*, GParamSpec*, Change* self) {
      std::lock_guard lock(self->mutex);
      self->changed.notify_all();
    }
  } change;
  const gulong handler = g_signal_connect(stream, "notify::caps", G_CALLBACK(Change::on_caps), &change);
  std::unique_lock lock(change.mutex);
  change.changed.wait_for(lock, kParserTime, [stream] {
    g_autoptr(GstCaps) caps = gst_stream_get_caps(stream);
    return caps && has_decoder(caps);
  });
  lock.unlock();
  g_signal_handler_disconnect(stream, handler);
}

gint select_stream(GstElement*, GstStreamCollection* collection, GstStream* stream, gpointer) {
  if (stream != first_video(collection)) return 0;
  wait_for_parsed_caps(stream);
  return 1;
}

}  // namespace

GstStream* first_video(GstStreamCollection* collection) {
  for (guint i = 0; i < gst_stream_collection_get_size(collection); ++i) {
    GstStream* stream = gst_stream_collection_get_stream(collection, i);
    if (gst_stream_get_stream_type(stream) & GST_STREAM_TYPE_VIDEO) return stream;
  }
  return nullptr;
}

void choose_first_video(GstElement* decodebin) {
  if (g_signal_lookup("select-stream", G_OBJECT_TYPE(decodebin)))
    g_signal_connect(decodebin, "select-stream", G_CALLBACK(select_stream), nullptr);
}

}  // namespace clipembed
