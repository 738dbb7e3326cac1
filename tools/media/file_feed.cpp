#include "tools/media/file_feed.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

namespace clipembed {
namespace {

constexpr std::uint64_t kBlockBytes = 65536;  // where it is left to us

// Where appsrc reads next. It calls with its stream lock held, one call at a time.
struct Feed {
  const MediaFile& file;
  std::atomic<std::uint64_t>& reads;
  std::uint64_t offset = 0;

  void push(GstAppSrc* source, std::uint64_t length);
};

// Exactly `length` bytes while the file has them: in pull mode the answer to a request is one buffer.
void Feed::push(GstAppSrc* source, std::uint64_t length) {
  ++reads;
  if (offset >= file.size()) {
    gst_app_src_end_of_stream(source);
    return;
  }
  length = std::min(length, file.size() - offset);
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, length, nullptr);
  GstMapInfo map;
  if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer(&buffer);
    GST_ELEMENT_ERROR(source, RESOURCE, NO_SPACE_LEFT, ("not enough memory for %" G_GUINT64_FORMAT " bytes", length),
                      (nullptr));
    gst_app_src_end_of_stream(source);
    return;
  }
  const ssize_t size = file.read_at({reinterpret_cast<char*>(map.data), map.size}, offset);
  gst_buffer_unmap(buffer, &map);
  if (size <= 0) {  // 0: the file has become shorter
    gst_buffer_unref(buffer);
    if (size < 0) GST_ELEMENT_ERROR(source, RESOURCE, READ, ("cannot read: %s", strerror(errno)), (nullptr));
    gst_app_src_end_of_stream(source);
    return;
  }
  gst_buffer_set_size(buffer, size);
  GST_BUFFER_OFFSET(buffer) = offset;
  offset += static_cast<std::uint64_t>(size);
  GST_BUFFER_OFFSET_END(buffer) = offset;
  gst_app_src_push_buffer(source, buffer);
}

void on_need_data(GstAppSrc* source, guint length, gpointer feed) {
  static_cast<Feed*>(feed)->push(source, length == G_MAXUINT ? kBlockBytes : length);
}

gboolean on_seek_data(GstAppSrc*, guint64 offset, gpointer feed) {
  static_cast<Feed*>(feed)->offset = offset;
  return TRUE;
}

}  // namespace

void feed_file(GstAppSrc* source, const MediaFile& file, std::atomic<std::uint64_t>& reads) {
  gst_app_src_set_size(source, static_cast<gint64>(file.size()));
  GstAppSrcCallbacks callbacks{};
  callbacks.need_data = on_need_data;
  callbacks.seek_data = on_seek_data;
  gst_app_src_set_callbacks(source, &callbacks, new Feed{file, reads},
                            [](gpointer feed) { delete static_cast<Feed*>(feed); });
}

}  // namespace clipembed
