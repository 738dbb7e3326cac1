// load_still_image(): formats, orientation, and everything that must be refused.
#include <algorithm>
#include <cstdlib>
#include <fstream>  // before check.h, whose fail() is a macro
#include <string>
#include <utility>
#include <vector>

#include "tests/cli/image_files.h"
#include "tests/unit/expect.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/media/image_container.h"
#include "tools/media/still_image.h"

namespace {

using namespace clipembed;

struct Fixture {
  Scratch scratch;
  ByteBudget budget{std::uint64_t{1} << 30};
  Deadline deadline{std::chrono::seconds(60)};

  Result<StillImage> load(std::string_view content, StillOptions options = {}) {
    const std::string path = scratch.path() / "image";
    write_file(path, content);
    Result<MediaFile> file = MediaFile::open(path);
    if (!file) return std::move(file).error();
    ck_assert_msg(file->type() != MediaType::kStream, "not recognised as a still image");
    return load_still_image(*file, options, &budget, deadline);
  }
};

// The largest difference of a channel; sizes must agree.
int difference(GdkPixbuf* a, GdkPixbuf* b) {
  ck_assert_int_eq(gdk_pixbuf_get_width(a), gdk_pixbuf_get_width(b));
  ck_assert_int_eq(gdk_pixbuf_get_height(a), gdk_pixbuf_get_height(b));
  int largest = 0;
  for (int y = 0; y < gdk_pixbuf_get_height(a); ++y) {
    for (int x = 0; x < gdk_pixbuf_get_width(a); ++x) {
      const guint8* pixel_a =
          gdk_pixbuf_read_pixels(a) + y * gdk_pixbuf_get_rowstride(a) + x * gdk_pixbuf_get_n_channels(a);
      const guint8* pixel_b =
          gdk_pixbuf_read_pixels(b) + y * gdk_pixbuf_get_rowstride(b) + x * gdk_pixbuf_get_n_channels(b);
      for (int c = 0; c < 3; ++c) largest = std::max(largest, std::abs(pixel_a[c] - pixel_b[c]));
    }
  }
  return largest;
}

constexpr int kWidth = 48, kHeight = 32;
constexpr int kLossy = 8;  // of 255, for JPEG and WebP

std::string oriented_jpeg(GdkPixbuf* upright, int orientation) {
  return with_exif_jpeg(encode(store_oriented(upright, orientation).get(), "jpeg"), orientation);
}
std::string oriented_png(GdkPixbuf* upright, int orientation) {
  return with_exif_png(encode(store_oriented(upright, orientation).get(), "png"), orientation);
}

START_TEST(jpeg_is_turned_upright) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const StillImage image = expect_value(f.load(oriented_jpeg(upright.get(), _i)));
  ck_assert_int_le(difference(image.pixels.get(), upright.get()), kLossy);
}
END_TEST

START_TEST(png_is_turned_upright) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const StillImage image = expect_value(f.load(oriented_png(upright.get(), _i)));
  ck_assert_int_eq(difference(image.pixels.get(), upright.get()), 0);
}
END_TEST

START_TEST(webp_is_turned_upright) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const Pixbuf stored = store_oriented(upright.get(), _i);
  const std::string webp = with_exif_webp(encode(stored.get(), "webp"), gdk_pixbuf_get_width(stored.get()),
                                          gdk_pixbuf_get_height(stored.get()), _i);
  const StillImage image = expect_value(f.load(webp));
  ck_assert_int_le(difference(image.pixels.get(), upright.get()), kLossy);
}
END_TEST

START_TEST(tiff_is_turned_upright) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const StillImage image = expect_value(f.load(make_tiff(store_oriented(upright.get(), _i).get(), _i)));
  ck_assert_int_eq(difference(image.pixels.get(), upright.get()), 0);
}
END_TEST

START_TEST(without_auto_orient_pixels_stay_as_stored) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const Pixbuf stored = store_oriented(upright.get(), 6);
  const StillImage png = expect_value(f.load(oriented_png(upright.get(), 6), {.auto_orient = false}));
  ck_assert_int_eq(difference(png.pixels.get(), stored.get()), 0);
  const StillImage jpeg = expect_value(f.load(oriented_jpeg(upright.get(), 6), {.auto_orient = false}));
  ck_assert_int_le(difference(jpeg.pixels.get(), stored.get()), kLossy);
}
END_TEST

START_TEST(an_orientation_that_does_not_exist_is_ignored) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const StillImage image = expect_value(f.load(with_exif_png(encode(upright.get(), "png"), 9)));
  ck_assert_int_eq(difference(image.pixels.get(), upright.get()), 0);
}
END_TEST

START_TEST(bmp_and_jpeg_xl_are_decoded) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  ck_assert_int_eq(difference(expect_value(f.load(encode(upright.get(), "bmp"))).pixels.get(), upright.get()), 0);
  ck_assert_int_eq(difference(expect_value(f.load(encode(upright.get(), "jxl"))).pixels.get(), upright.get()), 0);
}
END_TEST

// make_gradient() by av1enc and avmux_avif, with the av1C box that gst-libav leaves empty filled in: no encoder of the
// platform writes AVIF by itself.
START_TEST(avif_is_decoded) {
  Fixture f;
  const std::string file = read_file(std::string(getenv("CLIPEMBED_REFERENCE")) + "/../gradient.avif");
  const StillImage image = expect_value(f.load(file));
  ck_assert_int_le(difference(image.pixels.get(), make_gradient(kWidth, kHeight).get()), kLossy);
  expect_error(f.load(file.substr(0, file.size() / 2)), Error::Kind::kFailed, {"HEIF"});
  expect_error(f.load(file, {.max_pixels = kWidth * kHeight - 1}), Error::Kind::kFailed, {"--max-pixels"});
}
END_TEST

START_TEST(the_first_frame_of_a_gif_counts) {
  Fixture f;
  const StillImage image = expect_value(f.load(make_gif()));
  const guint8* pixel = gdk_pixbuf_read_pixels(image.pixels.get());
  ck_assert_int_eq(pixel[0], 255);
  ck_assert_int_eq(pixel[2], 0);
}
END_TEST

// Cut at several places: in the headers, in the data, and one byte before the end.
void expect_every_cut_refused(std::string_view file) {
  Fixture f;
  for (std::size_t part = 1; part <= 8; ++part) {
    const std::size_t size = part < 8 ? std::max<std::size_t>(file.size() * part / 8, 32) : file.size() - 1;
    const Result<StillImage> image = f.load(file.substr(0, size));
    ck_assert_msg(!image, "%zu of %zu bytes make a picture", size, file.size());
  }
}

START_TEST(truncated_jpeg_is_refused) {
  expect_every_cut_refused(encode(make_gradient(400, 300).get(), "jpeg"));
  expect_every_cut_refused(read_file(std::string(getenv("CLIPEMBED_REFERENCE")) + "/images/progressive.jpg"));
}
END_TEST
START_TEST(truncated_png_is_refused) { expect_every_cut_refused(encode(make_gradient(400, 300).get(), "png")); }
END_TEST
START_TEST(truncated_webp_is_refused) { expect_every_cut_refused(encode(make_gradient(400, 300).get(), "webp")); }
END_TEST
START_TEST(truncated_bmp_is_refused) { expect_every_cut_refused(encode(make_gradient(400, 300).get(), "bmp")); }
END_TEST
START_TEST(truncated_tiff_is_refused) { expect_every_cut_refused(make_tiff(make_gradient(400, 300).get(), 1)); }
END_TEST
START_TEST(truncated_jpeg_xl_is_refused) { expect_every_cut_refused(encode(make_gradient(400, 300).get(), "jxl")); }
END_TEST

START_TEST(a_thumbnail_in_exif_does_not_end_a_jpeg) {
  Fixture f;
  const Pixbuf upright = make_gradient(kWidth, kHeight);
  const std::string jpeg = encode(upright.get(), "jpeg");
  std::string segment = jpeg.substr(0, 2) + std::string("\xff\xe2", 2);  // APP2
  segment += static_cast<char>((jpeg.size() + 2) >> 8);
  segment += static_cast<char>((jpeg.size() + 2) & 0xff);
  const std::string file = segment + jpeg + jpeg.substr(2);
  ck_assert_int_le(difference(expect_value(f.load(file)).pixels.get(), upright.get()), kLossy);
  expect_error(f.load(file.substr(0, file.size() - 100)), Error::Kind::kFailed, {"truncated"});
}
END_TEST

START_TEST(a_header_of_60000_by_60000_is_refused) {
  Fixture f;
  expect_error(f.load(make_png_header(60000, 60000, true)), Error::Kind::kFailed, {"limit", "--max-pixels"});
  expect_error(f.load(make_png_header(60000, 60000, false)), Error::Kind::kFailed, {"limit", "--max-pixels"});
}
END_TEST

START_TEST(a_side_longer_than_the_preprocessor_takes_is_refused) {
  Fixture f;
  expect_error(f.load(encode(make_gradient(65536, 1).get(), "png")), Error::Kind::kFailed, {"65536 x 1", "65535"});
}
END_TEST

START_TEST(the_limit_holds_for_every_loader) {
  Fixture f;
  const Pixbuf pixels = make_gradient(kWidth, kHeight);
  const StillOptions exact{.max_pixels = kWidth * kHeight}, less{.max_pixels = kWidth * kHeight - 1};
  for (const char* format : {"jpeg", "png", "webp", "bmp", "jxl"}) {
    const std::string file = encode(pixels.get(), format);
    expect_value(f.load(file, exact));
    expect_error(f.load(file, less), Error::Kind::kFailed, {"--max-pixels"});
  }
  expect_error(f.load(make_tiff(pixels.get(), 1), less), Error::Kind::kFailed, {"--max-pixels"});
  expect_error(f.load(make_gif(), {.max_pixels = 0}), Error::Kind::kFailed, {"--max-pixels"});
}
END_TEST

// libheif decodes before gdk-pixbuf is told the size.
START_TEST(a_heif_that_declares_too_much_is_refused_before_decoding) {
  Fixture f;
  const std::string file = std::string(
                               "\0\0\0\x14"
                               "ftypavif\0\0\0\0avif",
                               20) +
                           std::string(
                               "\0\0\0\x14"
                               "ispe\0\0\0\0\0\0\xea\x60\0\0\xea\x60",
                               20);
  expect_error(f.load(file), Error::Kind::kFailed, {"3600000000", "--max-pixels"});
}
END_TEST

START_TEST(the_budget_is_given_back_with_the_picture) {
  Fixture f;
  const std::string file = encode(make_gradient(kWidth, kHeight).get(), "png");
  for (int i = 0; i < 3; ++i) expect_value(f.load(file));
  // Would wait for ever if any of them still held its share.
  f.budget.acquire(std::uint64_t{1} << 30);
}
END_TEST

// Under AddressSanitizer, reading past the end would end the test; every copy is allocated for itself.
START_TEST(damaged_containers_are_walked_within_their_bounds) {
  const Pixbuf pixels = make_gradient(kWidth, kHeight);
  const std::pair<MediaType, std::string> files[] = {
      {MediaType::kJpeg, with_exif_jpeg(encode(pixels.get(), "jpeg"), 6)},
      {MediaType::kPng, with_exif_png(encode(pixels.get(), "png"), 6)},
      {MediaType::kWebp, with_exif_webp(encode(pixels.get(), "webp"), kWidth, kHeight, 6)},
      {MediaType::kHeif, std::string("\0\0\0\x14"
                                     "ispe\0\0\0\0\0\0\x01\0\0\0\x01\0",
                                     20)}};
  for (const auto& [type, file] : files) {
    for (std::size_t size = 0; size <= std::min<std::size_t>(file.size(), 200); ++size) {
      const std::vector<char> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
      const ImageContainer container = inspect_container(type, {cut.data(), cut.size()});
      ck_assert(container.orientation >= 1 && container.orientation <= 8);
    }
    for (std::size_t at = 0; at < std::min<std::size_t>(file.size(), 200); ++at) {
      for (const char value : {'\0', '\x01', '\x7f', '\xff'}) {
        std::vector<char> changed(file.begin(), file.end());
        changed[at] = value;
        const ImageContainer container = inspect_container(type, {changed.data(), changed.size()});
        ck_assert(container.orientation >= 1 && container.orientation <= 8);
      }
    }
  }
}
END_TEST

Result<MediaFile> open_content(const Scratch& scratch, std::string_view content) {
  write_file(scratch.path() / "file", content);
  return MediaFile::open(scratch.path() / "file");
}

START_TEST(text_that_begins_like_a_bitmap_is_no_still_image) {
  const Scratch scratch;
  ck_assert(expect_value(open_content(scratch, "BMW and other cars, a text")).type() == MediaType::kStream);
}
END_TEST

START_TEST(a_video_in_the_container_of_heif_is_no_still_image) {
  const Scratch scratch;
  const std::string mp4(
      "\0\0\0\x14"
      "ftypisom\0\0\0\0isom",
      20);
  ck_assert(expect_value(open_content(scratch, mp4)).type() == MediaType::kStream);
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("still_image");
  TCase* orientations = tcase_create("orientations");
  tcase_add_loop_test(orientations, jpeg_is_turned_upright, 1, 9);
  tcase_add_loop_test(orientations, png_is_turned_upright, 1, 9);
  tcase_add_loop_test(orientations, webp_is_turned_upright, 1, 9);
  tcase_add_loop_test(orientations, tiff_is_turned_upright, 1, 9);
  suite_add_tcase(suite, orientations);
  return run_suite(suite, {without_auto_orient_pixels_stay_as_stored,
                           an_orientation_that_does_not_exist_is_ignored,
                           bmp_and_jpeg_xl_are_decoded,
                           avif_is_decoded,
                           the_first_frame_of_a_gif_counts,
                           truncated_jpeg_is_refused,
                           truncated_png_is_refused,
                           truncated_webp_is_refused,
                           truncated_bmp_is_refused,
                           truncated_tiff_is_refused,
                           truncated_jpeg_xl_is_refused,
                           a_thumbnail_in_exif_does_not_end_a_jpeg,
                           a_header_of_60000_by_60000_is_refused,
                           a_side_longer_than_the_preprocessor_takes_is_refused,
                           the_limit_holds_for_every_loader,
                           a_heif_that_declares_too_much_is_refused_before_decoding,
                           the_budget_is_given_back_with_the_picture,
                           damaged_containers_are_walked_within_their_bounds,
                           text_that_begins_like_a_bitmap_is_no_still_image,
                           a_video_in_the_container_of_heif_is_no_still_image});
}
