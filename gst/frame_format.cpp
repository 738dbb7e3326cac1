#include "gst/frame_format.h"

#include <array>
#include <iterator>

namespace clipembed {
namespace {

constexpr int kMaxSide = 65535;  // pixels; Preprocessor::run() takes no more

struct FormatRow {
  GstVideoFormat gst;
  PixelFormat pixels;
};

// In the order of preference that caps negotiation sees: what decoders give first, and no conversion at all if
// possible.
constexpr FormatRow kFormats[] = {
    {GST_VIDEO_FORMAT_I420, PixelFormat::kI420},      {GST_VIDEO_FORMAT_NV12, PixelFormat::kNv12},
    {GST_VIDEO_FORMAT_YV12, PixelFormat::kYv12},      {GST_VIDEO_FORMAT_NV21, PixelFormat::kNv21},
    {GST_VIDEO_FORMAT_P010_10LE, PixelFormat::kP010}, {GST_VIDEO_FORMAT_I420_10LE, PixelFormat::kI420p10},
    {GST_VIDEO_FORMAT_Y42B, PixelFormat::kY42b},      {GST_VIDEO_FORMAT_Y444, PixelFormat::kY444},
    {GST_VIDEO_FORMAT_RGB, PixelFormat::kRgb},        {GST_VIDEO_FORMAT_BGR, PixelFormat::kBgr},
    {GST_VIDEO_FORMAT_RGBx, PixelFormat::kRgbx},      {GST_VIDEO_FORMAT_BGRx, PixelFormat::kBgrx},
    {GST_VIDEO_FORMAT_xRGB, PixelFormat::kXrgb},      {GST_VIDEO_FORMAT_xBGR, PixelFormat::kXbgr},
    {GST_VIDEO_FORMAT_RGBA, PixelFormat::kRgbx},      {GST_VIDEO_FORMAT_BGRA, PixelFormat::kBgrx},
    {GST_VIDEO_FORMAT_ARGB, PixelFormat::kXrgb},      {GST_VIDEO_FORMAT_ABGR, PixelFormat::kXbgr},
    {GST_VIDEO_FORMAT_GRAY8, PixelFormat::kGray8},
};

Colorimetry::Matrix parse_matrix(GstVideoColorMatrix matrix) {
  switch (matrix) {
    case GST_VIDEO_COLOR_MATRIX_BT709:
    case GST_VIDEO_COLOR_MATRIX_SMPTE240M:  // its coefficients are within 0.012 of BT.709's
      return Colorimetry::Matrix::kBt709;
    case GST_VIDEO_COLOR_MATRIX_BT2020:
      return Colorimetry::Matrix::kBt2020;
    default:  // BT.601, FCC (within 0.004 of it), and unknown; caps without colorimetry got GstVideoInfo's default
      return Colorimetry::Matrix::kBt601;
  }
}

Colorimetry parse_colorimetry(const GstVideoColorimetry& colorimetry) {
  return {parse_matrix(colorimetry.matrix),
          colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255 ? Colorimetry::Range::kFull : Colorimetry::Range::kLimited};
}

// Unknown sites are centred, as videoconvert takes them.
ChromaSite parse_chroma_site(GstVideoChromaSite site) {
  if (!(site & GST_VIDEO_CHROMA_SITE_H_COSITED)) return ChromaSite::kCentre;
  return site & GST_VIDEO_CHROMA_SITE_V_COSITED ? ChromaSite::kTopLeft : ChromaSite::kLeft;
}

}  // namespace

CapsPtr supported_caps() {
  std::array<GstVideoFormat, std::size(kFormats)> formats;
  for (std::size_t i = 0; i < formats.size(); ++i) formats[i] = kFormats[i].gst;
  CapsPtr caps(gst_video_make_raw_caps(formats.data(), formats.size()));
  gst_caps_set_simple(caps.get(), "width", GST_TYPE_INT_RANGE, 1, kMaxSide, "height", GST_TYPE_INT_RANGE, 1, kMaxSide,
                      nullptr);
#ifdef TAKE_CUDA_MEMORY
  GstCaps* cuda = gst_caps_copy(caps.get());
  gst_caps_set_features_simple(cuda, gst_caps_features_new_single("memory:CUDAMemory"));
  gst_caps_append(caps.get(), cuda);
#endif
  return caps;
}

std::optional<FrameFormat> parse_frame_format(const GstCaps* caps) {
  FrameFormat format;
  // Proxying pads do not compare the caps that they get with their template.
  if (!gst_caps_can_intersect(caps, supported_caps().get())) return std::nullopt;
  if (!gst_video_info_from_caps(&format.info, caps)) return std::nullopt;
  for (const FormatRow& row : kFormats) {
    if (row.gst != GST_VIDEO_INFO_FORMAT(&format.info)) continue;
    format.pixels = row.pixels;
    format.colorimetry = parse_colorimetry(format.info.colorimetry);
    format.chroma_site = parse_chroma_site(format.info.chroma_site);
    return format;
  }
  return std::nullopt;
}

GstClockTime FrameFormat::frame_duration() const {
  return info.fps_n > 0 ? gst_util_uint64_scale_int(GST_SECOND, info.fps_d, info.fps_n) : GST_CLOCK_TIME_NONE;
}

MappedFrame::MappedFrame(const FrameFormat& format, GstBuffer* buffer)
    : format_(format), mapped_(gst_video_frame_map(&frame_, &format.info, buffer, GST_MAP_READ)) {}

MappedFrame::~MappedFrame() {
  if (mapped_) gst_video_frame_unmap(&frame_);
}

// GStreamer numbers planes in memory order, as ImageView does: Y, V, U for YV12.
ImageView MappedFrame::view() const {
  ImageView view{.format = format_.pixels,
                 .width = GST_VIDEO_FRAME_WIDTH(&frame_),
                 .height = GST_VIDEO_FRAME_HEIGHT(&frame_),
                 .colorimetry = format_.colorimetry,
                 .chroma_site = format_.chroma_site};
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(&frame_); ++i) {
    view.planes[i] = {static_cast<const std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(&frame_, i)),
                      GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, i)};
  }
  return view;
}

}  // namespace clipembed
