// What the two metas have in common as GStreamer sees them: their registration, and when they are copied. Each is
// described by a `Kind`:
//
//   using Meta = ...;                                     the public struct
//   static void clear(Meta&);                             frees what it owns; back to zeros, as metas start
//   static void add(GstBuffer*, const Meta&);             a copy
//   static bool write(const Meta&, WireWriter&);          false where it is empty
//   static Meta* read(GstBuffer*, WireReader&);           adds what the bytes say; nothing where they are malformed
//
// GStreamer calls all of them in whatever thread owns the buffer.
#pragma once

#include <gst/video/video.h>

#include "gst/clipmeta/wire.h"

namespace clipmeta {

// Bumped with every incompatible change of what the Kinds write.
inline constexpr guint8 kWireVersion = 0;

// With no other tag than `video` videoconvert, videoscale and every other GstVideoFilter keep a meta (1.24 to 1.28).
inline GType register_api(const gchar* name) {
  static const gchar* tags[] = {GST_META_TAG_VIDEO_STR, nullptr};
  return gst_meta_api_type_register(name, tags);
}

template <typename Kind>
const GstMetaInfo* register_meta(GType api, const gchar* name) {
  using Meta = typename Kind::Meta;
  GstMetaInfo* info = gst_meta_info_new(api, name, sizeof(Meta));

  info->init_func = [](GstMeta* meta, gpointer, GstBuffer*) -> gboolean {
    Meta empty{};
    empty.meta = *meta;
    *reinterpret_cast<Meta*>(meta) = empty;
    return TRUE;
  };
  info->free_func = [](GstMeta* meta, GstBuffer*) { Kind::clear(*reinterpret_cast<Meta*>(meta)); };
  info->clear_func = [](GstBuffer*, GstMeta* meta) { Kind::clear(*reinterpret_cast<Meta*>(meta)); };

  // A part of a frame is not the frame that was embedded.
  info->transform_func = [](GstBuffer* to, GstMeta* meta, GstBuffer*, GQuark type, gpointer data) -> gboolean {
    if (!GST_META_TRANSFORM_IS_COPY(type)) return FALSE;
    if (!static_cast<GstMetaTransformCopy*>(data)->region) Kind::add(to, *reinterpret_cast<Meta*>(meta));
    return TRUE;
  };

  info->serialize_func = [](const GstMeta* meta, GstByteArrayInterface* data, guint8* version) -> gboolean {
    WireWriter writer;
    *version = kWireVersion;
    return Kind::write(*reinterpret_cast<const Meta*>(meta), writer) && writer.append_to(data);
  };
  info->deserialize_func = [](const GstMetaInfo*, GstBuffer* buffer, const guint8* data, gsize size,
                              guint8 version) -> GstMeta* {
    if (version != kWireVersion) return nullptr;
    WireReader reader({data, size});
    return reinterpret_cast<GstMeta*>(Kind::read(buffer, reader));
  };
  return gst_meta_info_register(info);
}

}  // namespace clipmeta
