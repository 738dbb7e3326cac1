#include "tools/clipembedd/worker/decoder_list.h"

#include <dlfcn.h>
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/gst.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "tools/gobject_ptr.h"

namespace clipembed {
namespace {

constexpr std::string_view kPlugins[] = {"aom",
                                         "asf",
                                         "avi",
                                         "codecalpha",
                                         "dav1d",
                                         "de265",
                                         "dv",
                                         "flv",
                                         "isomp4",
                                         "ivfparse",
                                         "jpeg",
                                         "jpegformat",
                                         "matroska",
                                         "mpeg2dec",
                                         "mpegpsdemux",
                                         "mpegtsdemux",
                                         "mxf",
                                         "ogg",
                                         "openh264",
                                         "openjpeg",
                                         "png",
                                         "pnm",
                                         "theora",
                                         "typefindfunctions",
                                         "videoparsersbad",
                                         "vpx",
                                         "y4mdec"};

constexpr std::string_view kHardwarePlugins[] = {"msdk", "nvcodec", "qsv", "v4l2codecs", "va", "video4linux2"};

// Of the libav plugin.
constexpr std::string_view kLibav[] = {
    "avdec_cfhd",     "avdec_cinepak",   "avdec_dnxhd",     "avdec_dvvideo",    "avdec_ffv1",     "avdec_ffvhuff",
    "avdec_flv",      "avdec_h261",      "avdec_h263",      "avdec_h263i",      "avdec_h263p",    "avdec_h264",
    "avdec_h265",     "avdec_h266",      "avdec_hap",       "avdec_huffyuv",    "avdec_indeo3",   "avdec_indeo5",
    "avdec_jpeg2000", "avdec_mjpeg",     "avdec_mjpegb",    "avdec_mpeg2video", "avdec_mpeg4",    "avdec_mpegvideo",
    "avdec_msmpeg4",  "avdec_msmpeg4v1", "avdec_msmpeg4v2", "avdec_msrle",      "avdec_msvideo1", "avdec_png",
    "avdec_prores",   "avdec_qtrle",     "avdec_rpza",      "avdec_svq1",       "avdec_svq3",     "avdec_vc1",
    "avdec_vp3",      "avdec_vp5",       "avdec_vp6",       "avdec_vp6a",       "avdec_vp6f",     "avdec_vp8",
    "avdec_vp9",      "avdec_wmv1",      "avdec_wmv2",      "avdec_wmv3"};

// gdk-pixbuf's loaders of still_image.cpp.
constexpr const char* kPictureFormats[] = {"jpeg", "png", "webp", "gif", "bmp", "tiff", "heif/avif", "jxl"};

// What decodebin3 and its inside are made of, beyond what the pipelines name.
constexpr const char* kElements[] = {"appsrc",  "capsfilter", "concat",       "decodebin3", "deinterlace", "fakesink",
                                     "filesrc", "identity",   "multiqueue",   "parsebin",   "queue",       "queue2",
                                     "tee",     "typefind",   "videoconvert", "videoflip",  "videoscale"};

bool is_listed(GstPluginFeature* feature, bool hardware) {
  const char* name = gst_plugin_feature_get_plugin_name(feature);
  const std::string_view plugin = name ? name : "";
  if (std::ranges::find(kPlugins, plugin) != std::end(kPlugins)) return true;
  if (hardware && std::ranges::find(kHardwarePlugins, plugin) != std::end(kHardwarePlugins)) return true;
  return plugin == "libav" && std::ranges::find(kLibav, std::string_view(GST_OBJECT_NAME(feature))) != std::end(kLibav);
}

GList* decoders() {
  return gst_element_factory_list_get_elements(
      GST_ELEMENT_FACTORY_TYPE_DECODABLE | GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_DEMUXER |
          GST_ELEMENT_FACTORY_TYPE_PARSER | GST_ELEMENT_FACTORY_TYPE_DEPAYLOADER | GST_ELEMENT_FACTORY_TYPE_DECRYPTOR,
      GST_RANK_MARGINAL);
}

void load(GstPluginFeature* feature) {
  if (GstPluginFeature* loaded = gst_plugin_feature_load(feature)) gst_object_unref(loaded);
}

void load_listed_decoders() {
  GList* factories = decoders();
  for (const GList* each = factories; each; each = each->next) load(GST_PLUGIN_FEATURE(each->data));
  gst_plugin_feature_list_free(factories);
  for (const char* name : kElements) {
    const GObjectPtr<GstElementFactory> factory(gst_element_factory_find(name));
    if (factory) load(GST_PLUGIN_FEATURE(factory.get()));
  }
  const GObjectPtr<GstPlugin> typefinders(gst_plugin_load_by_name("typefindfunctions"));
}

// Making it loads what it names.
Status load_pipeline(const std::string& text) {
  const Result<std::string> line = expand_pipeline(text, {{"source", "appsrc"},
                                                          {"select", "clipselect"},
                                                          {"orient", "deinterlace ! videoflip"},
                                                          {"embed", "clipembed"},
                                                          {"sink", kFrameSink}});
  if (!line) return line.error();
  g_autoptr(GError) error = nullptr;
  const GObjectPtr<GstElement> pipeline(gst_parse_launch(line->c_str(), &error));
  if (pipeline && !error) return ok();
  return Error{Error::Kind::kSettings, "the pipeline \"" + text + "\": " + error->message};
}

// libheif has decoders as modules of its own, and gdk-pixbuf's loader has it unload them after each file (libheif 1.19,
// heif_deinit()), unless somebody else counts too.
void keep_heif_decoders() {
  void* library = dlopen("libheif.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  struct HeifError {  // heif_error of libheif/heif_error.h
    int code, subcode;
    const char* message;
  };
  using Init = HeifError (*)(void*);
  if (const auto init = reinterpret_cast<Init>(dlsym(library, "heif_init"))) init(nullptr);
}

// Loaders are modules, which are loaded with the first of their kind.
void load_picture_formats() {
  for (const char* format : kPictureFormats) {
    const GObjectPtr<GdkPixbufLoader> loader(gdk_pixbuf_loader_new_with_type(format, nullptr));
    if (loader) gdk_pixbuf_loader_close(loader.get(), nullptr);  // else a file of the kind gets the error
  }
  keep_heif_decoders();
}

}  // namespace

void keep_listed_decoders(bool hardware) {
  GList* factories = decoders();
  for (const GList* each = factories; each; each = each->next) {
    auto* feature = GST_PLUGIN_FEATURE(each->data);
    if (!is_listed(feature, hardware)) gst_plugin_feature_set_rank(feature, GST_RANK_NONE);
  }
  gst_plugin_feature_list_free(factories);

  GstRegistry* registry = gst_registry_get();
  GList* typefinders = gst_registry_get_feature_list(registry, GST_TYPE_TYPE_FIND_FACTORY);
  for (const GList* each = typefinders; each; each = each->next) {
    auto* feature = GST_PLUGIN_FEATURE(each->data);
    if (!is_listed(feature, hardware)) gst_registry_remove_feature(registry, feature);
  }
  gst_plugin_feature_list_free(typefinders);
}

Status load_decoders(const PipelineTexts& pipelines) {
  load_listed_decoders();
  for (const std::string* text : {&pipelines.still, &pipelines.animation, &pipelines.video}) {
    if (Status loaded = load_pipeline(*text); !loaded) return loaded;
  }
  load_picture_formats();
  return ok();
}

}  // namespace clipembed
