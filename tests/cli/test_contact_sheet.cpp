// The contact sheet as a picture: decoded again, and looked at for what should be where.
#include <gdk-pixbuf/gdk-pixbuf.h>

#include <algorithm>
#include <array>
#include <chrono>  // before check.h, whose fail() is a macro
#include <set>

#include "tests/unit/expect.h"
#include "tests/unit/suite.h"
#include "tools/clipembed/contact_sheet.h"
#include "tools/gobject_ptr.h"

namespace {

using namespace clipembed;
using std::chrono::milliseconds;

using Colour = std::array<std::uint8_t, 3>;
constexpr Colour kRed = {255, 0, 0}, kGreen = {0, 255, 0}, kBlue = {0, 0, 255}, kWhite = {255, 255, 255};

FramePicture plain(int width, int height, Colour colour) {
  FramePicture picture{.width = width, .height = height, .pixels = {}};
  for (int i = 0; i < width * height; ++i) picture.pixels.insert(picture.pixels.end(), colour.begin(), colour.end());
  return picture;
}

ChosenFrame frame_at(milliseconds time, FramePicture picture) {
  return {.time = time, .reason = "cut", .scene = 0, .picture = std::move(picture)};
}

MediaEmbedding video_of(std::vector<ChosenFrame> frames) {
  MediaEmbedding video;
  video.is_video = true;
  video.frames = std::move(frames);
  video.duration = milliseconds(9000);
  video.width = 640;
  video.height = 360;
  video.scene_count = 1;
  return video;
}

struct Extent {
  int left = 1 << 20, top = 1 << 20, right = -1, bottom = -1, pixels = 0;
  int width() const { return right - left + 1; }
  int height() const { return bottom - top + 1; }
};

class Sheet {
 public:
  explicit Sheet(const MediaEmbedding& video, const std::string& name = "holiday.mp4") {
    const std::string png = expect_value(draw_contact_sheet(name, video));
    ck_assert(png.starts_with("\x89PNG"));
    const GObjectPtr<GdkPixbufLoader> loader(gdk_pixbuf_loader_new_with_type("png", nullptr));
    ck_assert(gdk_pixbuf_loader_write(loader.get(), reinterpret_cast<const guchar*>(png.data()), png.size(), nullptr));
    ck_assert(gdk_pixbuf_loader_close(loader.get(), nullptr));
    pixels_.reset(GDK_PIXBUF(g_object_ref(gdk_pixbuf_loader_get_pixbuf(loader.get()))));
  }

  int width() const { return gdk_pixbuf_get_width(pixels_.get()); }
  int height() const { return gdk_pixbuf_get_height(pixels_.get()); }
  Colour at(int x, int y) const {
    const guint8* pixel = gdk_pixbuf_read_pixels(pixels_.get()) + y * gdk_pixbuf_get_rowstride(pixels_.get()) +
                          x * gdk_pixbuf_get_n_channels(pixels_.get());
    return {pixel[0], pixel[1], pixel[2]};
  }
  Extent extent(Colour colour) const {
    Extent extent;
    for (int y = 0; y < height(); ++y) {
      for (int x = 0; x < width(); ++x) {
        if (at(x, y) != colour) continue;
        extent = {std::min(extent.left, x), std::min(extent.top, y), std::max(extent.right, x),
                  std::max(extent.bottom, y), extent.pixels + 1};
      }
    }
    return extent;
  }
  bool operator==(const Sheet& other) const {
    if (width() != other.width() || height() != other.height()) return false;
    for (int y = 0; y < height(); ++y)
      for (int x = 0; x < width(); ++x)
        if (at(x, y) != other.at(x, y)) return false;
    return true;
  }

 private:
  GObjectPtr<GdkPixbuf> pixels_;
};

START_TEST(each_frame_has_a_cell_of_its_own_in_the_order_of_reading) {
  const Sheet sheet(
      video_of({frame_at(milliseconds(0), plain(160, 90, kRed)), frame_at(milliseconds(3000), plain(160, 90, kGreen)),
                frame_at(milliseconds(6000), plain(160, 90, kBlue))}));
  const Extent red = sheet.extent(kRed), green = sheet.extent(kGreen), blue = sheet.extent(kBlue);
  for (const Extent& cell : {red, green, blue}) ck_assert_int_gt(cell.pixels, 100 * 60);
  const auto before = [](const Extent& a, const Extent& b) {
    return a.bottom < b.top || (a.top == b.top && a.right < b.left);
  };
  ck_assert(before(red, green));
  ck_assert(before(green, blue));
}
END_TEST

START_TEST(pictures_keep_their_shape) {
  const struct {
    int width, height;
  } shapes[] = {{320, 180}, {180, 320}, {400, 100}, {90, 360}, {16, 16}};
  for (const auto& [width, height] : shapes) {
    const Extent cell = Sheet(video_of({frame_at(milliseconds(0), plain(width, height, kRed))})).extent(kRed);
    ck_assert_double_eq_tol(double(cell.width()) / cell.height() / (double(width) / height), 1.0, 0.02);
  }
}
END_TEST

START_TEST(a_picture_of_another_shape_keeps_it) {
  const Sheet sheet(video_of(
      {frame_at(milliseconds(0), plain(320, 180, kRed)), frame_at(milliseconds(1000), plain(180, 320, kGreen))}));
  const Extent red = sheet.extent(kRed), green = sheet.extent(kGreen);
  ck_assert_int_le(abs(green.height() - red.height()), 1);
  ck_assert_double_eq_tol(double(green.width()) / green.height(), 180.0 / 320, 0.02);
}
END_TEST

START_TEST(frames_without_a_picture_are_left_out) {
  std::vector<ChosenFrame> frames = {frame_at(milliseconds(0), plain(320, 180, kRed)),
                                     frame_at(milliseconds(1000), {})};
  const Sheet with_gap(video_of(frames));
  frames.pop_back();
  ck_assert_int_eq(with_gap.width(), Sheet(video_of(frames)).width());
}
END_TEST

START_TEST(pictures_are_neither_turned_nor_mirrored) {
  FramePicture quarters = plain(160, 90, kWhite);
  for (int y = 0; y < 90; ++y) {
    for (int x = 0; x < 160; ++x) {
      if (x >= 80 && y >= 45) continue;
      const Colour& colour = y >= 45 ? kBlue : x >= 80 ? kGreen : kRed;
      std::ranges::copy(colour, quarters.pixels.begin() + 3 * (y * 160 + x));
    }
  }
  const Sheet sheet(video_of({frame_at(milliseconds(0), quarters)}));
  const Extent top_left = sheet.extent(kRed), top_right = sheet.extent(kGreen), bottom_left = sheet.extent(kBlue);
  ck_assert_int_gt(top_left.pixels, 0);
  ck_assert_int_lt(top_left.right, top_right.left);
  ck_assert_int_lt(top_left.bottom, bottom_left.top);
  ck_assert_int_eq(top_left.left, bottom_left.left);
}
END_TEST

START_TEST(time_reason_shot_name_and_counts_are_written) {
  const MediaEmbedding video = video_of({frame_at(milliseconds(1000), plain(160, 90, kRed))});
  const Sheet sheet(video);
  ck_assert(sheet == Sheet(video));
  MediaEmbedding later = video, salient = video, next_shot = video, more_shots = video;
  later.frames[0].time += milliseconds(10);
  salient.frames[0].reason = "salient";
  next_shot.frames[0].scene = 1;
  more_shots.scene_count = 2;
  for (const MediaEmbedding& other : {later, salient, next_shot, more_shots}) ck_assert(!(sheet == Sheet(other)));
  ck_assert(!(sheet == Sheet(video, "holidaz.mp4")));
}
END_TEST

START_TEST(any_name_fits) {
  const MediaEmbedding video = video_of({frame_at(milliseconds(0), plain(160, 90, kRed))});
  const Sheet plain_name(video);
  for (const std::string& name : {std::string(5000, 'x'), std::string("a\nb\tc\x01\xff.mp4"), std::string()}) {
    const Sheet sheet(video, name);
    ck_assert_int_eq(sheet.width(), plain_name.width());
    ck_assert_int_eq(sheet.height(), plain_name.height());
  }
}
END_TEST

START_TEST(of_very_many_frames_some_are_drawn_evenly) {
  std::vector<ChosenFrame> frames;
  for (int i = 0; i < 1000; ++i)
    frames.push_back(frame_at(milliseconds(i), plain(16, 9, {200, std::uint8_t(i >> 8), std::uint8_t(i)})));
  const Sheet sheet(video_of(std::move(frames)));
  std::set<int> drawn;
  for (int y = 0; y < sheet.height(); ++y)
    for (int x = 0; x < sheet.width(); ++x)
      if (const Colour c = sheet.at(x, y); c[0] == 200 && c[1] < 4) drawn.insert(c[1] << 8 | c[2]);
  ck_assert_uint_eq(drawn.size(), kMaxSheetFrames);
  ck_assert_int_eq(*drawn.begin(), 0);
  ck_assert_int_ge(*drawn.rbegin(), 990);
}
END_TEST

START_TEST(no_pictures_make_no_sheet) {
  for (const MediaEmbedding& video : {video_of({}), video_of({frame_at(milliseconds(0), {})})})
    expect_error(draw_contact_sheet("a.mp4", video), Error::Kind::kFailed, {"a.mp4", "no pictures"});
}
END_TEST

}  // namespace

int main() {
  return run_suite("contact_sheet",
                   {each_frame_has_a_cell_of_its_own_in_the_order_of_reading, pictures_keep_their_shape,
                    a_picture_of_another_shape_keeps_it, frames_without_a_picture_are_left_out,
                    pictures_are_neither_turned_nor_mirrored, time_reason_shot_name_and_counts_are_written,
                    any_name_fits, of_very_many_frames_some_are_drawn_evenly, no_pictures_make_no_sheet});
}
