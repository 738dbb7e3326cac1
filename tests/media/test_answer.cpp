// The answer object: what is in it for a picture, a video and a failure.
#include <json-glib/json-glib.h>

#include <cstring>
#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/unit/expect.h"
#include "tests/unit/suite.h"
#include "tools/gobject_ptr.h"
#include "tools/media/answer.h"

namespace {

using namespace clipembed;

struct Answer {
  GObjectPtr<JsonParser> parser{json_parser_new()};
  JsonObject* root = nullptr;
  JsonObject* metadata = nullptr;

  explicit Answer(const JsonWriter& object) {
    ck_assert_msg(json_parser_load_from_data(parser.get(), object.text().c_str(), -1, nullptr), "%s",
                  object.text().c_str());
    root = json_node_get_object(json_parser_get_root(parser.get()));
    metadata = json_object_get_object_member(root, "debugMetadata");
  }
};

const AnswerMetadata kMetadata{.model = "some/model - cpu",
                               .augmented = true,
                               .request_id = "req-1-2",
                               .processing = std::chrono::milliseconds(5)};

MediaEmbedding video() {
  MediaEmbedding video;
  video.vector = {0.5f, -0.25f};
  video.is_video = true;
  video.frames = {{.time = std::chrono::milliseconds(500),
                   .reason = "cut",
                   .scene = 0,
                   .score = 0.75,
                   .entropy = 7.5,
                   .embedding = {1, 0},
                   .picture = {}},
                  {.time = std::chrono::seconds(2),
                   .reason = "coverage",
                   .scene = 1,
                   .score = {},
                   .entropy = 6,
                   .embedding = {0, 1},
                   .picture = {}}};
  video.method = Sampling::kKeyframes;
  video.scene_count = 2;
  video.decoder = "avdec_h264";
  return video;
}

Answer answer_of(const MediaEmbedding& embedding, const AnswerStyle& style) {
  JsonWriter object;
  add_answer(object, embedding, kMetadata, style);
  return Answer(object);
}

START_TEST(a_video_says_how_its_frames_were_chosen) {
  const Answer answer = answer_of(video(), {});
  ck_assert_int_eq(json_object_get_int_member(answer.metadata, "num_frames"), 2);
  ck_assert_str_eq(json_object_get_string_member(answer.metadata, "method_used"), "keyframes");
  ck_assert_int_eq(json_object_get_int_member(answer.metadata, "scene_count"), 2);
  ck_assert_str_eq(json_object_get_string_member(answer.metadata, "decoder"), "avdec_h264");
  JsonArray* times = json_object_get_array_member(answer.metadata, "selected_times");
  ck_assert_double_eq(json_array_get_double_element(times, 0), 0.5);
  ck_assert_double_eq(json_array_get_double_element(times, 1), 2);
  ck_assert_double_eq(json_array_get_double_element(json_object_get_array_member(answer.metadata, "entropy_values"), 0),
                      7.5);
  ck_assert(!json_object_has_member(answer.root, "frames"));
  ck_assert(!json_object_has_member(answer.metadata, "warning"));
}
END_TEST

START_TEST(frames_come_when_asked_for) {
  const Answer answer = answer_of(video(), {.frames = true});
  JsonArray* frames = json_object_get_array_member(answer.root, "frames");
  ck_assert_uint_eq(json_array_get_length(frames), 2);
  JsonObject* first = json_array_get_object_element(frames, 0);
  ck_assert_double_eq(json_object_get_double_member(first, "time"), 0.5);
  ck_assert_str_eq(json_object_get_string_member(first, "reason"), "cut");
  ck_assert_int_eq(json_object_get_int_member(first, "scene"), 0);
  ck_assert_double_eq(json_object_get_double_member(first, "score"), 0.75);
  ck_assert_double_eq(json_object_get_double_member(first, "entropy"), 7.5);
  ck_assert_double_eq(json_array_get_double_element(json_object_get_array_member(first, "embedding"), 0), 1);
  ck_assert(json_object_get_null_member(json_array_get_object_element(frames, 1), "score"));
}
END_TEST

START_TEST(base64_holds_little_endian_floats) {
  const Answer answer = answer_of(video(), {.base64 = true});
  gsize size = 0;
  g_autofree guchar* bytes = g_base64_decode(json_object_get_string_member(answer.root, "embedding"), &size);
  const unsigned char expected[] = {0, 0, 0, 0x3f, 0, 0, 0x80, 0xbe};  // 0.5 and -0.25
  ck_assert_uint_eq(size, sizeof expected);
  ck_assert_int_eq(memcmp(bytes, expected, size), 0);
}
END_TEST

START_TEST(a_picture_has_nothing_of_a_video) {
  MediaEmbedding picture;
  picture.vector = {1, 0};
  picture.timings.decode = std::chrono::microseconds(1500);
  const Answer answer = answer_of(picture, {.frames = true});
  ck_assert_double_eq(json_object_get_double_member(answer.metadata, "decode_time_ms"), 1.5);
  ck_assert_double_eq(json_object_get_double_member(answer.metadata, "processing_time_ms"), 5);
  ck_assert(json_object_get_boolean_member(answer.metadata, "enable_augmentation"));
  for (const char* member : {"num_frames", "method_used", "selected_times", "decoder", "inference_time_ms"})
    ck_assert_msg(!json_object_has_member(answer.metadata, member), "%s", member);
  ck_assert(!json_object_has_member(answer.root, "frames"));
}
END_TEST

START_TEST(a_warning_is_told) {
  MediaEmbedding broken = video();
  broken.warning = "the end is missing";
  const Answer answer = answer_of(broken, {});
  ck_assert_str_eq(json_object_get_string_member(answer.metadata, "warning"), "the end is missing");
  ck_assert(json_object_get_null_member(answer.root, "error"));
}
END_TEST

START_TEST(an_error_keeps_the_shape) {
  JsonWriter object;
  add_error_answer(object, "Processing failed", "the cause", kMetadata);
  const Answer answer(object);
  ck_assert(json_object_get_null_member(answer.root, "embedding"));
  ck_assert_str_eq(json_object_get_string_member(answer.root, "error"), "Processing failed");
  ck_assert_str_eq(json_object_get_string_member(answer.root, "detail"), "the cause");
  ck_assert_str_eq(json_object_get_string_member(answer.metadata, "request_id"), "req-1-2");
}
END_TEST

}  // namespace

int main() {
  return run_suite(
      "answer", {a_video_says_how_its_frames_were_chosen, frames_come_when_asked_for, base64_holds_little_endian_floats,
                 a_picture_has_nothing_of_a_video, a_warning_is_told, an_error_keeps_the_shape});
}
