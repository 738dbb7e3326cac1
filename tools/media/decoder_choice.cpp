#include "tools/media/decoder_choice.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "tools/gobject_ptr.h"
#include "tools/media/feature_list.h"

namespace clipembed {
namespace {

constexpr GstElementFactoryListType kVideoDecoder =
    GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO | GST_ELEMENT_FACTORY_TYPE_MEDIA_IMAGE;

struct Avoided {
  unsigned users = 0;
  guint rank = GST_RANK_NONE;  // that it had
};

std::mutex avoided_mutex;
std::map<std::string, Avoided>& avoided() {  // guarded by avoided_mutex
  static std::map<std::string, Avoided> decoders;
  return decoders;
}

void set_rank(const std::string& factory, guint rank) {
  const GObjectPtr<GstElementFactory> found(gst_element_factory_find(factory.c_str()));
  if (found) gst_plugin_feature_set_rank(GST_PLUGIN_FEATURE(found.get()), rank);
}

}  // namespace

std::string decoder_name(GstElement* element) {
  GstElementFactory* factory = gst_element_get_factory(element);
  if (!factory || !gst_element_factory_list_is_type(factory, kVideoDecoder)) return {};
  return GST_OBJECT_NAME(factory);
}

std::string find_decoder(GstBin* pipeline) {
  std::string name;
  GstIterator* elements = gst_bin_iterate_recurse(pipeline);
  const auto look = [](const GValue* item, gpointer to) {
    auto* found = static_cast<std::string*>(to);
    // decodebin3 is a decoder too, by its class.
    GstElement* element = GST_ELEMENT(g_value_get_object(item));
    if (found->empty() && !GST_IS_BIN(element)) *found = decoder_name(element);
  };
  while (gst_iterator_foreach(elements, look, &name) == GST_ITERATOR_RESYNC) {
    gst_iterator_resync(elements);
    name.clear();
  }
  gst_iterator_free(elements);
  return name;
}

bool has_alternative(GstElement* decoder, const std::vector<std::string>& failed) {
  const GObjectPtr<GstPad> pad(gst_element_get_static_pad(decoder, "sink"));
  g_autoptr(GstCaps) caps = pad ? gst_pad_get_current_caps(pad.get()) : nullptr;
  if (!caps) return false;
  const FeatureList all(gst_element_factory_list_get_elements(kVideoDecoder, GST_RANK_MARGINAL));
  const FeatureList fitting(gst_element_factory_list_filter(all.get(), caps, GST_PAD_SINK, FALSE));
  for (const GList* item = fitting.get(); item; item = item->next)
    if (std::ranges::find(failed, GST_OBJECT_NAME(item->data)) == failed.end()) return true;
  return false;
}

WithoutDecoder::WithoutDecoder(const std::string& factory) : factory_(factory) {
  std::lock_guard lock(avoided_mutex);
  Avoided& decoder = avoided()[factory];
  if (decoder.users++ > 0) return;
  const GObjectPtr<GstElementFactory> found(gst_element_factory_find(factory.c_str()));
  if (found) decoder.rank = gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(found.get()));
  set_rank(factory, GST_RANK_NONE);
}

WithoutDecoder::~WithoutDecoder() {
  std::lock_guard lock(avoided_mutex);
  const auto decoder = avoided().find(factory_);
  if (--decoder->second.users > 0) return;
  set_rank(factory_, decoder->second.rank);
  avoided().erase(decoder);
}

}  // namespace clipembed
