// What a picture may look like in memory: every RGB-kin format, strides, alignment, sizes that change between frames,
// and the error for what cannot be used. The memory that a huge picture costs is bounded too.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "lib/image/preprocess.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

using namespace clipembed;

// All that C++ code allocates between two readings of this.
static std::size_t allocated_bytes = 0;

void* operator new(std::size_t size) {
  allocated_bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes preprocess(Preprocessor& preprocessor, const ImageView& view) {
  Bytes rgb(InputGeometry{}.bytes());
  const Status status = preprocessor.run(view, rgb);
  ck_assert_msg(bool(status), "%s", status ? "" : status.error().message.c_str());
  return rgb;
}

Bytes preprocess(const ImageView& view) {
  Preprocessor preprocessor{InputGeometry{}};
  return preprocess(preprocessor, view);
}

struct PackedFormat {
  PixelFormat format;
  const char* order;  // of the bytes of a pixel
};

constexpr PackedFormat kPackedFormats[] = {{PixelFormat::kRgb, "rgb"},   {PixelFormat::kBgr, "bgr"},
                                           {PixelFormat::kRgbx, "rgbx"}, {PixelFormat::kBgrx, "bgrx"},
                                           {PixelFormat::kXrgb, "xrgb"}, {PixelFormat::kXbgr, "xbgr"}};

// The picture in another packed format. The ignored byte is noise.
Bytes repack(const Picture& picture, const char* order) {
  Bytes packed;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    for (const char* c = order; *c; ++c) {
      packed.push_back(*c == 'x' ? std::uint8_t(i * 7) : picture.rgb[i + std::string_view("rgb").find(*c)]);
    }
  }
  return packed;
}

START_TEST(every_rgb_format_gives_what_rgb_gives) {
  const Picture picture = noise_picture(317, 251);
  const Bytes wanted = preprocess(picture.view());
  for (const auto& [format, order] : kPackedFormats) {
    const Bytes packed = repack(picture, order);
    const std::ptrdiff_t stride = std::ptrdiff_t(std::strlen(order)) * picture.width;
    ck_assert_msg(preprocess({format, picture.width, picture.height, {{{packed.data(), stride}}}}) == wanted,
                  "%s differs", order);
  }
}
END_TEST

START_TEST(grey_gives_what_equal_rgb_gives) {
  Picture picture = noise_picture(301, 233);
  Bytes grey;
  for (std::size_t i = 0; i < picture.rgb.size(); i += 3) {
    grey.push_back(picture.rgb[i]);
    picture.rgb[i + 1] = picture.rgb[i + 2] = picture.rgb[i];
  }
  const ImageView view{PixelFormat::kGray8, 301, 233, {{{grey.data(), 301}}}};
  ck_assert(preprocess(view) == preprocess(picture.view()));
}
END_TEST

START_TEST(padding_alignment_and_direction_of_rows_do_not_matter) {
  const Picture picture = noise_picture(301, 233);
  const std::size_t row = 3 * 301;
  for (const std::size_t padding : {0, 1, 61}) {
    Bytes memory((row + padding) * 233 + 3, 0xaa);
    Bytes upside_down = memory;
    for (std::size_t y = 0; y < 233; ++y) {
      std::memcpy(&memory[3 + y * (row + padding)], &picture.rgb[y * row], row);
      std::memcpy(&upside_down[3 + (232 - y) * (row + padding)], &picture.rgb[y * row], row);
    }
    ImageView view = picture.view();
    const std::ptrdiff_t stride = row + padding;
    view.planes[0] = {&memory[3], stride};
    ck_assert(preprocess(view) == preprocess(picture.view()));
    view.planes[0] = {&upside_down[3 + 232 * stride], -stride};
    ck_assert(preprocess(view) == preprocess(picture.view()));
  }
}
END_TEST

START_TEST(nothing_outside_the_picture_is_read) {
  const std::size_t page = sysconf(_SC_PAGESIZE);
  const std::size_t room = 64 * page;
  auto* memory =
      static_cast<std::uint8_t*>(mmap(nullptr, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ck_assert_ptr_ne(memory, MAP_FAILED);
  std::uint8_t* const begin = memory + page;
  ck_assert_int_eq(mprotect(begin, room, PROT_READ | PROT_WRITE), 0);

  for (const auto& [width, height] : {std::pair{1, 1}, {5, 3}, {16, 16}, {33, 129}, {257, 65}}) {
    for (const auto& [format, order] : kPackedFormats) {
      const std::ptrdiff_t stride = std::ptrdiff_t(std::strlen(order)) * width;
      for (const std::uint8_t* data : {begin, begin + room - stride * height}) {
        preprocess({format, width, height, {{{data, stride}}}});
      }
    }
    // Any plane of the subsampled formats can be the one that ends where the memory ends.
    const std::ptrdiff_t half = (width + 1) / 2, half_rows = (height + 1) / 2;
    const Plane luma{begin + room - std::ptrdiff_t{width} * height, width};
    const Plane chroma{begin + room - half * half_rows, half};
    const Plane pairs{begin + room - 2 * half * half_rows, 2 * half};
    preprocess({PixelFormat::kI420, width, height, {{luma, chroma, chroma}}});
    preprocess({PixelFormat::kY42b,
                width,
                height,
                {{luma, {begin + room - half * height, half}, {begin + room - half * height, half}}}});
    preprocess({PixelFormat::kY444, width, height, {{luma, luma, luma}}});
    preprocess({PixelFormat::kNv12, width, height, {{luma, pairs}}});
    preprocess({PixelFormat::kNv21, width, height, {{luma, pairs}}});
  }
  ck_assert_int_eq(munmap(memory, room + 2 * page), 0);
}
END_TEST

START_TEST(size_and_format_may_change_between_frames) {
  const Picture first = noise_picture(317, 251), second = noise_picture(251, 317);
  const Bytes bgr = repack(first, "bgr");
  const ImageView third{PixelFormat::kBgr, 317, 251, {{{bgr.data(), 3 * 317}}}};
  Preprocessor preprocessor{InputGeometry{}};
  for (const ImageView& view : {first.view(), second.view(), third, first.view()}) {
    ck_assert(preprocess(preprocessor, view) == preprocess(view));
  }
}
END_TEST

START_TEST(memory_grows_with_a_side_of_the_picture_and_not_with_its_area) {
  constexpr std::size_t kSide = 16384;
  auto* pixels = static_cast<std::uint8_t*>(std::calloc(kSide * kSide, 3));  // 768 MiB, of which few pages are touched
  ck_assert_ptr_nonnull(pixels);
  std::memset(pixels + kSide * kSide / 2 * 3, 255, 3 * kSide);  // one white row in the middle
  Bytes rgb(InputGeometry{}.bytes());
  const std::size_t before = allocated_bytes;
  Preprocessor preprocessor{InputGeometry{}};
  ck_assert(bool(preprocessor.run({PixelFormat::kRgb, kSide, kSide, {{{pixels, 3 * kSide}}}}, rgb)));
  const std::size_t needed = allocated_bytes - before;
  std::free(pixels);

  ck_assert_msg(needed < 8u << 20, "%zu bytes were allocated", needed);
  // The row's centre, 8192.5, lies 0.49 of the scale of 73.14 from that of output row 112: 255 bicubic(0.49) / 73.14
  // = 2.
  ck_assert_uint_eq(rgb[3 * (112 * 224 + 100)], 2);
  ck_assert_uint_eq(rgb[3 * (20 * 224 + 100)], 0);
}
END_TEST

void assert_refused(Status status, const char* cause) {
  ck_assert(!status);
  ck_assert(status.error().kind == Error::Kind::kSettings);
  ck_assert_msg(status.error().message.find(cause) != std::string::npos, "'%s' does not say '%s'",
                status.error().message.c_str(), cause);
}

START_TEST(sizes_out_of_range_are_refused) {
  Preprocessor preprocessor{InputGeometry{}};
  Bytes rgb(InputGeometry{}.bytes());
  const Bytes pixels(64);
  for (const auto& [width, height] : {std::pair{0, 8}, {8, 0}, {-1, 8}, {8, -2147483647}, {65536, 8}, {8, 65536}}) {
    assert_refused(preprocessor.run({PixelFormat::kRgb, width, height, {{{pixels.data(), 24}}}}, rgb), "1 to 65535");
  }
}
END_TEST

START_TEST(missing_planes_and_short_strides_are_refused) {
  Preprocessor preprocessor{InputGeometry{}};
  Bytes rgb(InputGeometry{}.bytes());
  const Bytes pixels(256);
  const Plane good{pixels.data(), 8}, missing{nullptr, 8}, narrow{pixels.data(), 3};
  assert_refused(preprocessor.run({PixelFormat::kRgb, 4, 4, {{missing}}}, rgb),
                 "plane 0 of the RGB picture is missing");
  assert_refused(preprocessor.run({PixelFormat::kI420, 8, 8, {{good, good, missing}}}, rgb), "plane 2");
  assert_refused(preprocessor.run({PixelFormat::kNv12, 8, 8, {{good, missing}}}, rgb), "plane 1");
  assert_refused(preprocessor.run({PixelFormat::kRgb, 4, 4, {{good}}}, rgb), "a row has 12");
  assert_refused(preprocessor.run({PixelFormat::kI420, 8, 8, {{good, narrow, good}}}, rgb), "a row has 4");
  assert_refused(preprocessor.run({static_cast<PixelFormat>(99), 4, 4, {{good}}}, rgb), "pixel format 99");
}
END_TEST

START_TEST(geometry_that_cannot_be_met_is_refused) {
  const Picture picture = noise_picture(8, 8);
  const auto run = [&](const InputGeometry& geometry, std::size_t room) {
    Bytes rgb(room);
    return Preprocessor(geometry).run(picture.view(), rgb);
  };
  assert_refused(run({0, 0, 0}, 0), "shortest_edge");
  assert_refused(run({65536, 8, 8}, 192), "shortest_edge");
  assert_refused(run({224, 225, 224}, 3 * 225 * 224), "does not fit");
  assert_refused(run({224, 224, -1}, 0), "does not fit");
  assert_refused(run({224, 224, 224}, 3 * 224 * 224 - 1), "150527 bytes");
}
END_TEST

}  // namespace

int main() {
  return run_suite("preprocess_formats",
                   {every_rgb_format_gives_what_rgb_gives, grey_gives_what_equal_rgb_gives,
                    padding_alignment_and_direction_of_rows_do_not_matter, nothing_outside_the_picture_is_read,
                    size_and_format_may_change_between_frames,
                    memory_grows_with_a_side_of_the_picture_and_not_with_its_area, sizes_out_of_range_are_refused,
                    missing_planes_and_short_strides_are_refused, geometry_that_cannot_be_met_is_refused});
}
