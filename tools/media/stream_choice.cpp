#include "tools/media/stream_choice.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string_view>

#include "tools/gobject_ptr.h"
#include "tools/media/feature_list.h"

namespace clipembed {
namespace {

constexpr std::chrono::milliseconds kParserTime{500};

// As decodebin3 asks.
bool has_decoder(const GstCaps* caps) {
  const FeatureList all(gst_element_factory_list_get_elements(GST_ELEMENT_FACTORY_TYPE_DECODER, GST_RANK_MARGINAL));
  return FeatureList(gst_element_factory_list_filter(all.get(), caps, GST_PAD_SINK, gst_caps_is_fixed(caps))) !=
         nullptr;
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

bool are_pictures(const GstCaps* caps) {
  const std::string_view type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
  return type.starts_with("video/") || type.starts_with("image/");
}

// decodebin3 (1.26.2) takes no caps that it has no decoder for, not even of streams that it is not to decode. A demuxer
// that stops at that, as qtdemux does, then gives no picture of an MP4 with AAC where AAC has no decoder, as in a
// sandbox.
GstPadProbeReturn accept_what_is_not_decoded(GstPad*, GstPadProbeInfo* info, gpointer) {
  GstQuery* query = GST_PAD_PROBE_INFO_QUERY(info);
  if (GST_QUERY_TYPE(query) != GST_QUERY_ACCEPT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_query_parse_accept_caps(query, &caps);
  if (are_pictures(caps)) return GST_PAD_PROBE_OK;
  gst_query_set_accept_caps_result(query, TRUE);
  return GST_PAD_PROBE_HANDLED;
}

// Of the ghost pads between demuxer and decodebin3 it is the inner side that is asked.
void on_parsed_pad(GstElement*, GstPad* pad, gpointer) {
  if (!GST_IS_GHOST_PAD(pad)) return;
  const GObjectPtr<GstProxyPad> inside(gst_proxy_pad_get_internal(GST_PROXY_PAD(pad)));
  gst_pad_add_probe(GST_PAD_CAST(inside.get()), GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM, accept_what_is_not_decoded,
                    nullptr, nullptr);
}

void on_element(GstBin*, GstElement* element, gpointer) {
  const GstElementFactory* factory = gst_element_get_factory(element);
  if (factory && g_str_equal(GST_OBJECT_NAME(factory), "parsebin"))
    g_signal_connect(element, "pad-added", G_CALLBACK(on_parsed_pad), nullptr);
}

// Linked to its source it has its first parsebin already.
void watch_parsebins(GstBin* decodebin) {
  g_signal_connect(decodebin, "element-added", G_CALLBACK(on_element), nullptr);
  GstIterator* inside = gst_bin_iterate_elements(decodebin);
  const auto see = [](const GValue* element, gpointer bin) {
    on_element(static_cast<GstBin*>(bin), GST_ELEMENT_CAST(g_value_get_object(element)), nullptr);
  };
  gst_iterator_foreach(inside, see, decodebin);
  gst_iterator_free(inside);
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
  if (!g_signal_lookup("select-stream", G_OBJECT_TYPE(decodebin))) return;
  g_signal_connect(decodebin, "select-stream", G_CALLBACK(select_stream), nullptr);
  watch_parsebins(GST_BIN(decodebin));
}

}  // namespace clipembed
