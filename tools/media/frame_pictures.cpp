#include "tools/media/frame_pictures.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <utility>

namespace clipembed {
namespace {

struct ConverterFree {
  void operator()(GstVideoConverter* converter) const { gst_video_converter_free(converter); }
};

// Square pixels: the width that the shape of a pixel makes of it.
int shown_width(const GstVideoInfo& info) {
  const double shape = info.par_d > 0 ? static_cast<double>(info.par_n) / info.par_d : 1;
  return std::max(1, static_cast<int>(std::lround(info.width * shape)));
}

// `to` must be what the buffer is to be in. Rows are copied, as GStreamer pads them to four bytes.
FramePicture convert(const GstVideoInfo& from, const GstVideoInfo& to, GstBuffer* buffer) {
  const std::unique_ptr<GstVideoConverter, ConverterFree> converter(gst_video_converter_new(&from, &to, nullptr));
  g_autoptr(GstBuffer) painted = gst_buffer_new_allocate(nullptr, to.size, nullptr);
  GstVideoFrame source, picture;
  if (!converter || !gst_video_frame_map(&source, &from, buffer, GST_MAP_READ)) return {};
  FramePicture result{.width = to.width, .height = to.height, .pixels = {}};
  if (gst_video_frame_map(&picture, &to, painted, GST_MAP_READWRITE)) {
    gst_video_converter_frame(converter.get(), &source, &picture);
    const auto row_bytes = static_cast<std::size_t>(to.width) * 3;
    result.pixels.resize(row_bytes * static_cast<std::size_t>(to.height));
    const auto* row = static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&picture, 0));
    for (int y = 0; y < to.height; ++y, row += GST_VIDEO_FRAME_PLANE_STRIDE(&picture, 0))
      std::memcpy(result.pixels.data() + row_bytes * static_cast<std::size_t>(y), row, row_bytes);
    gst_video_frame_unmap(&picture);
  }
  gst_video_frame_unmap(&source);
  return result;
}

}  // namespace

FramePictures::FramePictures(GObjectPtr<GstPad> pad, unsigned side) : pad_(std::move(pad)), side_(side) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  probe_ = gst_pad_add_probe(
      pad_.get(), static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
      on_data, this, nullptr);
}

FramePictures::~FramePictures() { gst_pad_remove_probe(pad_.get(), probe_); }

GstPadProbeReturn FramePictures::on_data(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* self = static_cast<FramePictures*>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    if (self->to_) self->paint(GST_PAD_PROBE_INFO_BUFFER(info));
    return GST_PAD_PROBE_OK;
  }
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) self->set_caps(event);
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) gst_event_copy_segment(event, &self->segment_);
  return GST_PAD_PROBE_OK;
}

void FramePictures::set_caps(GstEvent* event) {
  GstCaps* caps = nullptr;
  GstVideoInfo info;
  gst_event_parse_caps(event, &caps);
  if (!gst_video_info_from_caps(&info, caps)) return;
  const int width = shown_width(info), height = info.height;
  {
    std::lock_guard lock(mutex_);
    width_ = width;
    height_ = height;
  }
  if (side_ == 0) return;
  const double scale = std::min(1.0, static_cast<double>(side_) / std::max(width, height));
  const auto scaled = [scale](int side) { return static_cast<guint>(std::max(1l, std::lround(side * scale))); };
  from_ = info;
  to_.emplace();
  gst_video_info_set_format(&*to_, GST_VIDEO_FORMAT_RGB, scaled(width), scaled(height));
  to_->fps_n = info.fps_n;  // GstVideoConverter insists
  to_->fps_d = info.fps_d;
  to_->interlace_mode = info.interlace_mode;
}

void FramePictures::paint(GstBuffer* buffer) {
  if (frames_++ % stride_ != 0) return;
  const GstClockTime time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  FramePicture picture = convert(*from_, *to_, buffer);
  std::lock_guard lock(mutex_);
  pictures_.insert_or_assign(std::chrono::nanoseconds(GST_CLOCK_TIME_IS_VALID(time) ? time : 0), std::move(picture));
  if (pictures_.size() > kMaxKept) thin_out();
}

// Called with mutex_ held.
void FramePictures::thin_out() {
  bool drop = true;
  std::erase_if(pictures_, [&](const auto&) { return drop = !drop; });
  stride_ *= 2;
}

FramePicture FramePictures::take(std::chrono::nanoseconds time) {
  std::lock_guard lock(mutex_);
  auto found = pictures_.extract(time);
  return found ? std::move(found.mapped()) : FramePicture();
}

int FramePictures::width() const {
  std::lock_guard lock(mutex_);
  return width_;
}
int FramePictures::height() const {
  std::lock_guard lock(mutex_);
  return height_;
}

}  // namespace clipembed
