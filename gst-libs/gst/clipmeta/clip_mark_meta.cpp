#include "gst/clipmeta/clipmeta.h"
#include "gst/clipmeta/meta_type.h"
#include "gst/clipmeta/wire.h"

namespace {

bool entropy_is_valid(gdouble entropy) { return entropy == GST_CLIP_NO_ENTROPY || (entropy >= 0 && entropy <= 8); }

struct MarkKind {
  using Meta = GstClipMarkMeta;

  static void clear(Meta& mark) {
    g_free(const_cast<gchar*>(mark.reason));
    mark.reason = nullptr;
    mark.scene_index = 0;
    mark.score = 0;
    mark.entropy = 0;
  }

  static void add(GstBuffer* buffer, const Meta& mark) {
    if (!mark.reason) return;
    gst_buffer_add_clip_mark_meta(buffer, mark.reason, mark.scene_index, mark.score, mark.entropy);
  }

  static bool write(const Meta& mark, clipmeta::WireWriter& writer) {
    if (!mark.reason) return false;
    clipmeta::write_choice(writer, mark.reason, mark.scene_index, mark.score);
    writer.number(std::bit_cast<std::uint64_t>(mark.entropy));
    return true;
  }

  static Meta* read(GstBuffer* buffer, clipmeta::WireReader& reader) {
    const clipmeta::Choice choice = clipmeta::read_choice(reader);
    const auto entropy = std::bit_cast<double>(reader.number<std::uint64_t>());
    if (!reader.complete() || !clipmeta::choice_is_valid(choice.scene_index, choice.score) ||
        !entropy_is_valid(entropy))
      return nullptr;
    return gst_buffer_add_clip_mark_meta(buffer, choice.reason.c_str(), choice.scene_index, choice.score, entropy);
  }
};

}  // namespace

GType gst_clip_mark_meta_api_get_type() {
  static const GType type = clipmeta::register_api("GstClipMarkMetaAPI");
  return type;
}

const GstMetaInfo* gst_clip_mark_meta_get_info() {
  static const GstMetaInfo* const info =
      clipmeta::register_meta<MarkKind>(GST_CLIP_MARK_META_API_TYPE, "GstClipMarkMeta");
  return info;
}

GstClipMarkMeta* gst_buffer_add_clip_mark_meta(GstBuffer* buffer, const gchar* reason, gint scene_index, gdouble score,
                                               gdouble entropy) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  g_return_val_if_fail(reason, nullptr);
  g_return_val_if_fail(clipmeta::choice_is_valid(scene_index, score), nullptr);
  g_return_val_if_fail(entropy_is_valid(entropy), nullptr);

  auto* mark = reinterpret_cast<GstClipMarkMeta*>(gst_buffer_add_meta(buffer, GST_CLIP_MARK_META_INFO, nullptr));
  if (!mark) return nullptr;
  mark->reason = g_utf8_make_valid(reason, -1);
  mark->scene_index = scene_index;
  mark->score = score;
  mark->entropy = entropy;
  return mark;
}

GstClipMarkMeta* gst_buffer_get_clip_mark_meta(GstBuffer* buffer) {
  g_return_val_if_fail(GST_IS_BUFFER(buffer), nullptr);
  return reinterpret_cast<GstClipMarkMeta*>(gst_buffer_get_meta(buffer, GST_CLIP_MARK_META_API_TYPE));
}
