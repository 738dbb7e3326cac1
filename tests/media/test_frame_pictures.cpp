// FramePictures on a pad of its own: sizes, and how many are kept.
#include <gst/gst.h>

#include <algorithm>
#include <chrono>  // before check.h, whose fail() is a macro

#include "tests/unit/suite.h"
#include "tools/media/frame_pictures.h"

namespace {

using namespace clipembed;
using std::chrono::milliseconds;

// A sink pad that frames are pushed into; all of them are red.
class RedFrames {
 public:
  RedFrames(int width, int height, int par_n, int par_d) : pad_(gst_pad_new("sink", GST_PAD_SINK)) {
    gst_object_ref_sink(pad_.get());
    gst_pad_set_chain_function(pad_.get(), [](GstPad*, GstObject*, GstBuffer* buffer) {
      gst_buffer_unref(buffer);
      return GST_FLOW_OK;
    });
    gst_pad_set_active(pad_.get(), TRUE);
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_RGB, static_cast<guint>(width), static_cast<guint>(height));
    info_.par_n = par_n;
    info_.par_d = par_d;
  }

  GObjectPtr<GstPad> pad() const { return GObjectPtr<GstPad>(GST_PAD(gst_object_ref(pad_.get()))); }

  void start() {
    g_autoptr(GstCaps) caps = gst_video_info_to_caps(&info_);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_send_event(pad_.get(), gst_event_new_stream_start("red"));
    gst_pad_send_event(pad_.get(), gst_event_new_caps(caps));
    gst_pad_send_event(pad_.get(), gst_event_new_segment(&segment));
  }
  void push(milliseconds time) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, info_.size, nullptr);
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(time.count()) * GST_MSECOND;
    GstVideoFrame frame;
    ck_assert(gst_video_frame_map(&frame, &info_, buffer, GST_MAP_WRITE));
    for (int y = 0; y < info_.height; ++y) {
      guint8* pixel =
          static_cast<guint8*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
      for (int x = 0; x < info_.width; ++x, pixel += 3) {
        pixel[0] = 255;
        pixel[1] = pixel[2] = 0;
      }
    }
    gst_video_frame_unmap(&frame);
    ck_assert_int_eq(gst_pad_chain(pad_.get(), buffer), GST_FLOW_OK);
  }

 private:
  GObjectPtr<GstPad> pad_;
  GstVideoInfo info_;
};

START_TEST(pictures_have_square_pixels_and_the_side_asked_for) {
  RedFrames frames(720, 576, 64, 45);
  FramePictures pictures(frames.pad(), 256);
  frames.start();
  frames.push(milliseconds(40));
  ck_assert_int_eq(pictures.width(), 1024);
  ck_assert_int_eq(pictures.height(), 576);
  const FramePicture picture = pictures.take(milliseconds(40));
  ck_assert_int_eq(picture.width, 256);
  ck_assert_int_eq(picture.height, 144);
  ck_assert_uint_eq(picture.pixels.size(), 3 * 256 * 144);
  ck_assert(picture.pixels[0] > 250 && picture.pixels[1] < 5 && picture.pixels.back() < 5);
}
END_TEST

START_TEST(small_frames_stay_as_they_are) {
  RedFrames frames(10, 6, 1, 1);
  FramePictures pictures(frames.pad(), 256);
  frames.start();
  frames.push(milliseconds(0));
  const FramePicture picture = pictures.take(milliseconds(0));
  ck_assert(picture.width == 10 && picture.height == 6 && picture.pixels.size() == 180);
}
END_TEST

START_TEST(without_a_side_there_are_no_pictures) {
  RedFrames frames(10, 6, 1, 1);
  FramePictures pictures(frames.pad(), 0);
  frames.start();
  frames.push(milliseconds(0));
  ck_assert(pictures.take(milliseconds(0)).pixels.empty());
  ck_assert_int_eq(pictures.width(), 10);
}
END_TEST

START_TEST(of_very_many_some_are_kept_evenly) {
  RedFrames frames(4, 4, 1, 1);
  FramePictures pictures(frames.pad(), 4);
  frames.start();
  constexpr int kFrames = 1400;
  for (int i = 0; i < kFrames; ++i) frames.push(milliseconds(i));
  std::vector<int> kept;
  for (int i = 0; i < kFrames; ++i)
    if (!pictures.take(milliseconds(i)).pixels.empty()) kept.push_back(i);
  ck_assert_uint_le(kept.size(), FramePictures::kMaxKept);
  ck_assert_uint_ge(kept.size(), FramePictures::kMaxKept / 2);
  ck_assert_int_eq(kept[0], 0);
  for (std::size_t i = 1; i < kept.size(); ++i) ck_assert_int_eq(kept[i] - kept[i - 1], kept[1]);
}
END_TEST

}  // namespace

int main() {
  g_setenv("GST_REGISTRY_DISABLE", "yes", TRUE);  // no plugin is needed, and some leak when they are scanned
  gst_init(nullptr, nullptr);
  return run_suite("frame_pictures", {pictures_have_square_pixels_and_the_side_asked_for, small_frames_stay_as_they_are,
                                      without_a_side_there_are_no_pictures, of_very_many_some_are_kept_evenly});
}
