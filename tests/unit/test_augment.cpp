// The views of a picture: which part of it each shows.
#include <algorithm>

#include "lib/image/augment.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr InputGeometry kGeometry{.shortest_edge = 28, .crop_width = 28, .crop_height = 28};

std::vector<Bytes> views(const Picture& picture, Augment augment) {
  auto views = AugmentedPreprocessor(kGeometry, augment).run(picture.view());
  ck_assert(bool(views));
  ck_assert_int_eq(int(views->size()), views_of(augment));
  for (const Bytes& view : *views) ck_assert_int_eq(int(view.size()), int(kGeometry.bytes()));
  return *std::move(views);
}

Bytes preprocess(const Picture& picture) {
  Bytes rgb(kGeometry.bytes());
  ck_assert(bool(Preprocessor(kGeometry).run(picture.view(), rgb)));
  return rgb;
}

Bytes mirrored(const Bytes& rgb, int width) {
  Bytes mirror;
  for (std::size_t row = 0; row < rgb.size(); row += 3 * width) {
    for (int x = width - 1; x >= 0; --x) mirror.insert(mirror.end(), &rgb[row + 3 * x], &rgb[row + 3 * x] + 3);
  }
  return mirror;
}

Bytes part(const Picture& picture, int left, int top, int side) {
  Bytes rgb;
  for (int y = top; y < top + side; ++y) {
    const std::uint8_t* row = &picture.rgb[3 * (std::size_t(y) * picture.width + left)];
    rgb.insert(rgb.end(), row, row + 3 * side);
  }
  return rgb;
}

START_TEST(none_is_the_preprocessed_picture) {
  const Picture picture = noise_picture(90, 50);
  ck_assert(views(picture, Augment::kNone)[0] == preprocess(picture));
}
END_TEST

START_TEST(flip_is_the_picture_and_its_mirror_image) {
  const Picture picture = noise_picture(90, 50);
  const std::vector<Bytes> both = views(picture, Augment::kFlip);
  ck_assert(both[0] == preprocess(picture));
  ck_assert(both[1] == mirrored(both[0], 28));
}
END_TEST

// 32 is 8/7 of 28, so that the resize changes nothing and the crops can be cut out of the picture.
START_TEST(five_crop_is_the_centre_and_the_corners_of_the_whole_picture) {
  const Picture picture = noise_picture(60, 32);
  const std::vector<Bytes> crops = views(picture, Augment::kFiveCrop);
  ck_assert(crops[0] == part(picture, 16, 2, 28));
  ck_assert(crops[1] == part(picture, 0, 0, 28));
  ck_assert(crops[2] == part(picture, 32, 0, 28));
  ck_assert(crops[3] == part(picture, 0, 4, 28));
  ck_assert(crops[4] == part(picture, 32, 4, 28));
}
END_TEST

START_TEST(the_same_picture_gives_the_same_views) {
  const Picture picture = noise_picture(41, 77);
  for (const Augment augment : {Augment::kFlip, Augment::kFiveCrop}) {
    ck_assert(views(picture, augment) == views(picture, augment));
  }
}
END_TEST

START_TEST(what_preprocessing_refuses_is_refused) {
  Picture picture = noise_picture(4, 4);
  picture.width = 0;
  for (const Augment augment : {Augment::kNone, Augment::kFlip, Augment::kFiveCrop}) {
    ck_assert(!AugmentedPreprocessor(kGeometry, augment).run(picture.view()));
  }
}
END_TEST

}  // namespace

int main() {
  return run_suite("augment", {none_is_the_preprocessed_picture, flip_is_the_picture_and_its_mirror_image,
                               five_crop_is_the_centre_and_the_corners_of_the_whole_picture,
                               the_same_picture_gives_the_same_views, what_preprocessing_refuses_is_refused});
}
