// Byte for byte equality with Pillow: on the reference images, whose pixels Pillow wrote, and on every other shape
// against the definition of the resize, evaluated one output pixel at a time.
#include <glib.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lib/image/passes.h"
#include "lib/image/preprocess.h"
#include "tests/unit/golden.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

std::vector<std::uint8_t> preprocess(const ImageView& view, const InputGeometry& geometry, const Passes& passes) {
  std::vector<std::uint8_t> rgb(geometry.bytes());
  const Status status = Preprocessor(geometry, passes).run(view, rgb);
  ck_assert_msg(bool(status), "%s", status ? "" : status.error().message.c_str());
  return rgb;
}

std::vector<std::uint8_t> preprocess(const ImageView& view, const InputGeometry& geometry = {}) {
  return preprocess(view, geometry, supported_passes().front());
}

void assert_checksum(const std::vector<std::uint8_t>& rgb, const char* model, const std::string& image) {
  const std::string wanted = golden_pixels_sha256(image, model);
  gchar* found = g_compute_checksum_for_data(G_CHECKSUM_SHA256, rgb.data(), rgb.size());
  ck_assert_msg(wanted == found, "%s at the size of %s: sha256 %s, Pillow's %s", image.c_str(), model, found,
                wanted.c_str());
  g_free(found);
}

template <class Check>
void for_each_reference_image(Check check) {
  const std::vector<std::string> images = golden_images();
  ck_assert_uint_ge(images.size(), 18);
  for (const std::string& image : images) check(image, load_picture(reference_path("images/") + image));
}

// ---- the definition, from Pillow's documentation and source, one pixel at a time ----------------------------------

struct Taps {
  int first;
  std::vector<int> weights;
};

double bicubic(double x) {
  x = std::fabs(x);
  if (x < 1) return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

Taps taps_of(int in, std::int64_t out, std::int64_t position) {
  const double scale = double(in) / double(out), stretch = scale < 1 ? 1 : scale;
  const double centre = (double(position) + 0.5) * scale, reach = 2 * stretch;
  const int first = int(centre - reach + 0.5) < 0 ? 0 : int(centre - reach + 0.5);
  const int last = int(centre + reach + 0.5) > in ? in : int(centre + reach + 0.5);
  std::vector<double> real;
  double sum = 0;
  for (int i = first; i < last; ++i) sum += real.emplace_back(bicubic((i - centre + 0.5) * (1 / stretch)));
  Taps taps{first, {}};
  for (const double weight : real) taps.weights.push_back(int(std::lround(weight / sum * 4194304)));
  return taps;
}

int to_byte(std::int64_t sum) {
  const std::int64_t value = (sum + (1 << 21)) >> 22;
  return value < 0 ? 0 : value > 255 ? 255 : int(value);
}

int pillow_sample(const ImageView& rgb, const InputGeometry& geometry, int x, int y, int channel) {
  const int short_side = std::min(rgb.width, rgb.height);
  const auto resized = [&](int side) { return std::int64_t(double(geometry.shortest_edge) * side / short_side); };
  const std::int64_t width = resized(rgb.width), height = resized(rgb.height);
  const Taps across = taps_of(rgb.width, width, (width - geometry.crop_width) / 2 + x);
  const Taps down = taps_of(rgb.height, height, (height - geometry.crop_height) / 2 + y);
  std::int64_t column = 0;
  for (std::size_t j = 0; j < down.weights.size(); ++j) {
    const std::uint8_t* row = rgb.planes[0].data + (down.first + std::ptrdiff_t(j)) * rgb.planes[0].stride;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < across.weights.size(); ++i) {
      sum += std::int64_t{row[3 * (across.first + i) + channel]} * across.weights[i];
    }
    column += std::int64_t{to_byte(sum)} * down.weights[j];
  }
  return to_byte(column);
}

// Corners, edges and a spread of what lies between: about `samples` of them.
void assert_equals_definition(const ImageView& rgb, const InputGeometry& geometry, int samples) {
  const std::vector<std::uint8_t> found = preprocess(rgb, geometry);
  const auto check = [&](int x, int y) {
    for (int c = 0; c < 3; ++c) {
      const int sample = found[3 * (std::size_t(y) * geometry.crop_width + x) + c];
      const int wanted = pillow_sample(rgb, geometry, x, y, c);
      ck_assert_msg(sample == wanted, "%d x %d, output (%d, %d) channel %d: %d instead of %d", rgb.width, rgb.height, x,
                    y, c, sample, wanted);
    }
  };
  const int right = geometry.crop_width - 1, bottom = geometry.crop_height - 1;
  check(0, 0), check(right, 0), check(0, bottom), check(right, bottom);
  for (int i = 0; i < samples; ++i) check(i * 89 % (right + 1), i * 157 % (bottom + 1));
}

bool is_webp(const std::string& image) { return image.ends_with(".webp"); }

START_TEST(reference_images_equal_pillow) {
  for_each_reference_image([](const std::string& image, const Picture& picture) {
    if (is_webp(image)) return;
    const std::vector<std::uint8_t> rgb = preprocess(picture.view());
    const Picture wanted = load_picture(reference_path("pixels/") + image + ".224.png");
    const auto [found, expected] = std::ranges::mismatch(rgb, wanted.rgb);
    ck_assert_msg(found == rgb.end() && expected == wanted.rgb.end(), "%s: byte %td differs", image.c_str(),
                  found - rgb.begin());
    assert_checksum(rgb, "model-a", image);
  });
}
END_TEST

START_TEST(reference_images_equal_pillow_at_another_size) {
  const InputGeometry geometry{240, 240, 240};
  for_each_reference_image([&](const std::string& image, const Picture& picture) {
    if (!is_webp(image)) assert_checksum(preprocess(picture.view(), geometry), "model-b", image);
  });
}
END_TEST

// The samples that gdk-pixbuf's WebP loader decodes are not quite Pillow's: they differ before the resize does
// anything.
START_TEST(webp_is_within_a_level_of_pillow) {
  const std::vector<std::uint8_t> rgb = preprocess(load_picture(reference_path("images/photo.webp")).view());
  const Picture wanted = load_picture(reference_path("pixels/photo.webp.224.png"));
  ck_assert_uint_eq(rgb.size(), wanted.rgb.size());
  double sum = 0;
  for (std::size_t i = 0; i < rgb.size(); ++i) sum += std::abs(rgb[i] - wanted.rgb[i]);
  ck_assert_double_lt(sum / double(rgb.size()), 1.0);
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_bytes) {
  ck_assert(!supported_passes().empty());
  for (const auto& [width, height] : {std::pair{1920, 1080}, {333, 501}, {64, 61}, {3, 2}}) {
    const Picture picture = noise_picture(width, height);
    const std::vector<std::uint8_t> wanted = preprocess(picture.view(), {}, supported_passes().back());
    for (const Passes& passes : supported_passes()) {
      ck_assert_msg(preprocess(picture.view(), {}, passes) == wanted, "%s differs at %d x %d", passes.instruction_set,
                    width, height);
    }
  }
}
END_TEST

START_TEST(every_shape_equals_the_definition) {
  constexpr std::pair<int, int> kShapes[] = {{1, 1},     {1, 2},     {2, 1},     {3, 5},       {1, 500},   {500, 1},
                                             {17, 16},   {224, 224}, {224, 300}, {300, 224},   {223, 225}, {449, 447},
                                             {641, 479}, {479, 641}, {1023, 65}, {1921, 1083}, {255, 4097}};
  for (const auto& [width, height] : kShapes) {
    assert_equals_definition(noise_picture(width, height).view(), {}, 400);
  }
}
END_TEST

START_TEST(a_crop_smaller_than_the_resized_picture_equals_the_definition) {
  for (const InputGeometry geometry : {InputGeometry{256, 224, 224}, {97, 31, 64}, {33, 1, 1}, {336, 336, 335}}) {
    assert_equals_definition(noise_picture(517, 389).view(), geometry, 100);
  }
}
END_TEST

START_TEST(extreme_aspect_ratios_equal_the_definition) {
  assert_equals_definition(noise_picture(65535, 1).view(), {}, 300);
  assert_equals_definition(noise_picture(1, 65535).view(), {}, 300);
  assert_equals_definition(noise_picture(65535, 3).view(), {4096, 224, 224}, 300);
}
END_TEST

}  // namespace

int main() {
  return run_suite(
      "preprocess_pillow",
      {reference_images_equal_pillow, reference_images_equal_pillow_at_another_size, webp_is_within_a_level_of_pillow,
       every_instruction_set_gives_the_same_bytes, every_shape_equals_the_definition,
       a_crop_smaller_than_the_resized_picture_equals_the_definition, extreme_aspect_ratios_equal_the_definition});
}
