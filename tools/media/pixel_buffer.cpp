#include "tools/media/pixel_buffer.h"

#include <gst/video/video.h>

#include <utility>

namespace clipembed {

GstBuffer* wrap_pixels(StillImage image) {
  GdkPixbuf* pixels = image.pixels.get();
  const gsize size = gdk_pixbuf_get_byte_length(pixels);
  auto* data = const_cast<guint8*>(gdk_pixbuf_read_pixels(pixels));
  GstBuffer* buffer =
      gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, data, size, 0, size, new StillImage(std::move(image)),
                                  [](gpointer owner) { delete static_cast<StillImage*>(owner); });
  const gsize offsets[GST_VIDEO_MAX_PLANES] = {0};
  const gint strides[GST_VIDEO_MAX_PLANES] = {gdk_pixbuf_get_rowstride(pixels)};
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE,
                                 gdk_pixbuf_get_has_alpha(pixels) ? GST_VIDEO_FORMAT_RGBA : GST_VIDEO_FORMAT_RGB,
                                 gdk_pixbuf_get_width(pixels), gdk_pixbuf_get_height(pixels), 1, offsets, strides);
  return buffer;
}

GstCaps* caps_of(GstBuffer* buffer) {
  const GstVideoMeta* meta = gst_buffer_get_video_meta(buffer);
  return gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, gst_video_format_to_string(meta->format),  //
                             "width", G_TYPE_INT, static_cast<gint>(meta->width),                               //
                             "height", G_TYPE_INT, static_cast<gint>(meta->height),                             //
                             "framerate", GST_TYPE_FRACTION, 0, 1, nullptr);
}

}  // namespace clipembed
