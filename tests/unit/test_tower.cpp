// The vision tower on LibTorch against transformers: every reference checkpoint, image and precision by the match table
// of docs/accuracy.md; batches, and what they leave behind in malloc; and what it refuses.
#include <malloc.h>

#include <cstdio>
#include <map>

#include "lib/image/preprocess.h"
#include "lib/model/checkpoint.h"
#include "lib/model/config.h"
#include "lib/model/tower.h"
#include "tests/unit/golden.h"
#include "tests/unit/picture.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

struct OpenTower {
  ModelConfig config;
  std::unique_ptr<VisionTower> tower;
};

Result<OpenTower> open_tower(const std::string& model, const TowerOptions& options) {
  const auto config = read_config(reference_path(model));
  ck_assert_msg(bool(config), "%s", config ? "" : config.error().message.c_str());
  const auto checkpoint = Checkpoint::open(reference_path(model));
  ck_assert_msg(bool(checkpoint), "%s", checkpoint ? "" : checkpoint.error().message.c_str());
  auto tower = open_vision_tower(*config, *checkpoint, options);
  if (!tower) return std::move(tower).error();
  return OpenTower{*config, std::move(*tower)};
}

OpenTower must_open(const std::string& model, Precision precision) {
  auto open = open_tower(model, {.device = "cpu", .precision = precision});
  ck_assert_msg(bool(open), "%s", open ? "" : open.error().message.c_str());
  return std::move(*open);
}

std::vector<std::uint8_t> prepared(const std::string& image, const InputGeometry& geometry) {
  const Picture picture = load_picture(reference_path("images/" + image));
  std::vector<std::uint8_t> rgb(geometry.bytes());
  ck_assert(bool(Preprocessor(geometry).run(picture.view(), rgb)));
  return rgb;
}

std::vector<float> embed(OpenTower& open, const std::vector<std::uint8_t>& pictures) {
  const int count = static_cast<int>(pictures.size() / open.config.input.bytes());
  std::vector<float> embeddings(static_cast<std::size_t>(count) * open.config.projection_dim);
  const Status status = open.tower->embed(pictures, count, embeddings);
  ck_assert_msg(bool(status), "%s", status ? "" : status.error().message.c_str());
  return embeddings;
}

void assert_matches_transformers(const std::string& model, Precision precision, double bar) {
  OpenTower open = must_open(model, precision);
  ck_assert_int_eq(static_cast<int>(open.tower->precision()), static_cast<int>(precision));
  double worst = 1;
  for (const std::string& image : golden_images()) {
    // gdk-pixbuf decodes WebP to slightly other pixels than Pillow: the bar of that row is lower.
    const double image_bar = image.ends_with(".webp") ? std::min(bar, 0.9995) : bar;
    const double match = cosine(embed(open, prepared(image, open.config.input)), golden_embedding(image, model));
    ck_assert_msg(match >= image_bar, "%s in %s of %s: cosine %.8f, bar %.6f", to_string(precision), model.c_str(),
                  image.c_str(), match, image_bar);
    if (!image.ends_with(".webp")) worst = std::min(worst, match);
  }
  std::printf("%s %s: smallest cosine %.8f, bar %.6f\n", model.c_str(), to_string(precision), worst, bar);
}

constexpr const char* kModels[] = {"model-a", "model-b", "model-c"};

}  // namespace

START_TEST(fp32_matches_transformers) { assert_matches_transformers(kModels[_i], Precision::kFp32, 0.999999); }
END_TEST

START_TEST(bf16_matches_transformers) { assert_matches_transformers(kModels[_i], Precision::kBf16, 0.9999); }
END_TEST

START_TEST(fp16_matches_transformers) { assert_matches_transformers(kModels[_i], Precision::kFp16, 0.9999); }
END_TEST

START_TEST(int8_matches_transformers) {
  if (!open_tower(kModels[_i], {.device = "cpu", .precision = Precision::kInt8})) {
    std::printf("SKIP: int8: this processor or LibTorch has no oneDNN int8 products\n");
    return;
  }
  assert_matches_transformers(kModels[_i], Precision::kInt8, 0.995);
}
END_TEST

// 11 pictures are more than one pass and no multiple of it.
START_TEST(a_picture_in_a_batch_gives_what_it_gives_alone) {
  constexpr int kCount = 11;
  OpenTower open = must_open("model-b", Precision::kFp32);
  std::vector<std::uint8_t> batch;
  std::vector<std::vector<float>> alone;
  const auto images = golden_images();
  for (int i = 0; i < kCount; ++i) {
    const auto picture = prepared(images[i], open.config.input);
    batch.insert(batch.end(), picture.begin(), picture.end());
    alone.push_back(embed(open, picture));
  }
  const std::vector<float> together = embed(open, batch);
  const std::size_t dim = open.config.projection_dim;
  for (int i = 0; i < kCount; ++i) {
    const std::vector<float> one(together.begin() + i * dim, together.begin() + (i + 1) * dim);
    ck_assert_double_ge(cosine(one, alone[i]), 0.9999999);
  }
}
END_TEST

// Activations are scaled by row: a neighbour's outliers change nothing.
START_TEST(int8_does_not_depend_on_the_rest_of_the_batch) {
  auto opened = open_tower("model-a", {.device = "cpu", .precision = Precision::kInt8});
  if (!opened) {
    std::printf("SKIP: int8: this processor or LibTorch has no oneDNN int8 products\n");
    return;
  }
  OpenTower open = std::move(*opened);
  const auto picture = prepared("fruits.jpg", open.config.input);
  std::vector<std::uint8_t> batch = picture;
  const Picture noise = noise_picture(224, 224);
  batch.insert(batch.end(), noise.rgb.begin(), noise.rgb.end());
  const std::vector<float> alone = embed(open, picture);
  const std::vector<float> together = embed(open, batch);
  const std::vector<float> first(together.begin(), together.begin() + open.config.projection_dim);
  ck_assert_double_ge(cosine(first, alone), 0.99999);
}
END_TEST

// glibc's malloc maps a large block, until one as large has been freed: from then on every thread's arena keeps twice
// as much free memory.
START_TEST(what_a_tower_frees_does_not_make_malloc_keep_more) {
  const auto malloc_maps = [](std::size_t bytes) {
    const std::size_t before = mallinfo2().hblks;
    const std::unique_ptr<void, decltype(&free)> block(malloc(bytes), free);
    return mallinfo2().hblks > before;
  };
  if (!malloc_maps(1 << 20)) {
    std::printf("SKIP: this malloc does not map blocks of 1 MB: a sanitizer's, or it has been tuned\n");
    return;
  }
  OpenTower open = must_open("model-a", Precision::kFp32);
  embed(open, std::vector<std::uint8_t>(16 * open.config.input.bytes()));
  ck_assert(malloc_maps(8 << 20));  // the largest activation has 9.6 MB
}
END_TEST

START_TEST(buffers_of_the_wrong_size_are_refused) {
  OpenTower open = must_open("model-a", Precision::kFp32);
  std::vector<std::uint8_t> pictures(open.config.input.bytes() - 1);
  std::vector<float> embeddings(open.config.projection_dim);
  ck_assert(!open.tower->embed(pictures, 1, embeddings));
  pictures.resize(open.config.input.bytes());
  ck_assert(!open.tower->embed(pictures, 2, embeddings));
  ck_assert(!open.tower->embed({}, 0, {}));
  ck_assert(bool(open.tower->embed(pictures, 1, embeddings)));
}
END_TEST

START_TEST(auto_takes_a_device_and_a_precision_that_exist) {
  const auto open = open_tower("model-a", {});
  ck_assert(bool(open));
  const std::string device = open->tower->device();
  ck_assert_str_ne(device.c_str(), "auto");
  ck_assert_int_ne(static_cast<int>(open->tower->precision()), static_cast<int>(Precision::kAuto));
}
END_TEST

START_TEST(an_unknown_or_absent_device_is_a_settings_error_that_names_it) {
  for (const char* device : {"tpu", "cuda:99", "cuda:x", "cuda:-1", "cpu:1", ""}) {
    const auto open = open_tower("model-a", {.device = device});
    ck_assert_msg(!open, "device '%s' was taken", device);
    ck_assert_int_eq(static_cast<int>(open.error().kind), static_cast<int>(Error::Kind::kSettings));
    ck_assert_msg(open.error().message.find(std::string("device=") + device) != std::string::npos, "%s",
                  open.error().message.c_str());
  }
}
END_TEST

int main() {
  Suite* suite = suite_create("tower");
  TCase* match = tcase_create("match");
  tcase_set_timeout(match, 300);
  for (const TTest* test :
       {fp32_matches_transformers, bf16_matches_transformers, fp16_matches_transformers, int8_matches_transformers}) {
    tcase_add_loop_test(match, test, 0, std::size(kModels));
  }
  suite_add_tcase(suite, match);
  return run_suite(
      suite,
      {a_picture_in_a_batch_gives_what_it_gives_alone, int8_does_not_depend_on_the_rest_of_the_batch,
       what_a_tower_frees_does_not_make_malloc_keep_more, buffers_of_the_wrong_size_are_refused,
       auto_takes_a_device_and_a_precision_that_exist, an_unknown_or_absent_device_is_a_settings_error_that_names_it});
}
