// GStreamer's description of a raw video frame -> the ImageView that lib/image reads. Plain functions of their
// arguments; no locks, any thread.
#pragma once

#include <gst/video/video.h>

#include <optional>

#include "gst/glib_ptr.h"
#include "lib/image/view.h"

namespace clipembed {

// video/x-raw in system memory, in every format and size that lib/image takes: the pad templates' caps. With the build
// option `cuda`, in CUDA memory too.
CapsPtr supported_caps();

struct FrameFormat {
  GstVideoInfo info;
  PixelFormat pixels;
  Colorimetry colorimetry;
  ChromaSite chroma_site;

  // As the caps say; GST_CLOCK_TIME_NONE where their frame rate is unknown or varies.
  GstClockTime frame_duration() const;
};

// Nothing where the caps are not fixed or not among supported_caps().
std::optional<FrameFormat> parse_frame_format(const GstCaps* caps);

// A buffer mapped for reading for as long as the object lives. Follows GstVideoMeta, so strides and offsets are those
// of the buffer and not of the caps. CUDA memory is copied to the host by its own map function (GStreamer 1.26,
// gstcudamemory.cpp), so nothing here knows of it.
class MappedFrame {
 public:
  MappedFrame(const FrameFormat& format, GstBuffer* buffer);
  ~MappedFrame();
  MappedFrame(const MappedFrame&) = delete;
  MappedFrame& operator=(const MappedFrame&) = delete;

  // False where the buffer cannot be mapped, or holds less than a frame of the format.
  explicit operator bool() const { return mapped_; }

  // Precondition: mapped.
  ImageView view() const;

 private:
  const FrameFormat& format_;
  GstVideoFrame frame_;
  bool mapped_;
};

}  // namespace clipembed
