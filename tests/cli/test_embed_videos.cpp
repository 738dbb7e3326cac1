// `clipembed embed` on videos: the vectors are those of a gst-launch pipeline with the element, and files that hold no
// video are errors.
#include <gst/gst.h>

#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/cli/program.h"
#include "tests/unit/golden.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/media/embedder.h"

namespace {

using namespace clipembed;

// Runs a gst-launch line to its end and returns what clipembed posted.
std::vector<EmbeddingMessage> launch(const std::string& line) {
  gst_init(nullptr, nullptr);
  g_autoptr(GError) error = nullptr;
  const GObjectPtr<GstElement> pipeline(gst_parse_launch(line.c_str(), &error));
  ck_assert_msg(pipeline && !error, "%s", error ? error->message : "");
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  std::vector<EmbeddingMessage> embeddings;
  for (bool ended = false; !ended;) {
    g_autoptr(GstMessage) message = gst_bus_timed_pop(bus, GST_CLOCK_TIME_NONE);
    ck_assert_msg(GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR, "an error in: %s", line.c_str());
    if (auto read = read_embedding(message)) embeddings.push_back(*std::move(read));
    ended = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return embeddings;
}

constexpr char kFrames[] =
    "videotestsrc num-buffers=20 pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1 ! ";

std::string make_video(const Scratch& scratch, const char* name, const std::string& rest) {
  const std::string path = scratch.path() / name;
  launch(kFrames + rest + " ! filesink location=" + path);
  return path;
}

START_TEST(a_video_has_the_vector_of_the_gst_launch_line) {
  const Scratch scratch;
  const std::string videos[] = {make_video(scratch, "a.avi", "jpegenc ! avimux"),
                                make_video(scratch, "b.webm", "vp8enc deadline=1 ! webmmux")};
  const std::string& video = videos[_i];
  const std::vector<Line> lines = embed({video});
  const std::vector<EmbeddingMessage> chosen = launch(
      "filesrc location=" + video + " ! decodebin3 ! videoconvert ! clipselect ! clipembed precision=fp32 model=" +
      reference_model("model-a") + " ! fakesink");
  ck_assert_uint_gt(chosen.size(), 1);
  ck_assert(lines.at(0).num_frames == static_cast<std::int64_t>(chosen.size()));
  std::vector<float> sum(chosen[0].vector.size());
  for (const EmbeddingMessage& frame : chosen)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += frame.vector[i];
  ck_assert_double_ge(cosine(lines[0].embedding, sum), 0.9999999);
}
END_TEST

START_TEST(a_rotated_video_is_turned_upright_unless_told_not_to) {
  const Scratch scratch;
  const std::string tag = "taginject tags=\"image-orientation=rotate-90\" ! ";
  const std::string tagged = make_video(scratch, "tagged.mov", tag + "pngenc ! qtmux");
  const std::string turned = make_video(scratch, "turned.mov", "videoflip method=clockwise ! pngenc ! qtmux");
  const std::string plain = make_video(scratch, "plain.mov", "pngenc ! qtmux");
  const std::vector<Line> upright = embed({tagged, turned, plain});
  ck_assert_double_ge(cosine(upright.at(0).embedding, upright.at(1).embedding), 0.9999999);
  ck_assert_double_lt(cosine(upright.at(0).embedding, upright.at(2).embedding), 0.99999);
  const std::vector<Line> stored = embed({"--no-auto-orient", tagged});
  ck_assert_double_ge(cosine(stored.at(0).embedding, upright.at(2).embedding), 0.9999999);
}
END_TEST

START_TEST(sound_beside_the_picture_does_not_matter) {
  const Scratch scratch;
  const std::string with_sound = make_video(
      scratch, "sound.avi", "jpegenc ! avimux name=mux audiotestsrc num-buffers=20 ! audioconvert ! mux. mux.");
  const std::string without = make_video(scratch, "silent.avi", "jpegenc ! avimux");
  const std::vector<Line> lines = embed({with_sound, without});
  ck_assert_double_ge(cosine(lines.at(0).embedding, lines.at(1).embedding), 0.9999999);
}
END_TEST

START_TEST(a_file_with_nothing_but_sound_is_an_error) {
  const Scratch scratch;
  const std::string path = scratch.path() / "sound.ogg";
  launch("audiotestsrc num-buffers=20 ! vorbisenc ! oggmux ! filesink location=" + path);
  const std::vector<Line> lines = embed({path}, 1);
  ck_assert_str_eq(lines.at(0).error.c_str(), "Unsupported file type");
  ck_assert_msg(lines[0].detail.find("no video stream") != std::string::npos, "%s", lines[0].detail.c_str());
}
END_TEST

START_TEST(a_video_without_a_frame_is_an_error) {
  const Scratch scratch;
  const std::string avi = read_file(make_video(scratch, "whole.avi", "jpegenc ! avimux"));
  const std::string headers = avi.substr(0, avi.find("movi") + 4);
  write_file(scratch.path() / "headers.avi", headers);
  const std::vector<Line> lines = embed({scratch.path() / "headers.avi"}, 1);
  ck_assert_str_eq(lines.at(0).error.c_str(), "Processing failed");
}
END_TEST

START_TEST(frames_over_the_limit_are_refused) {
  const Scratch scratch;
  const std::string video = make_video(scratch, "a.avi", "jpegenc ! avimux");
  const std::vector<Line> lines = embed({"--max-pixels", "19199", video}, 1);
  ck_assert_msg(lines.at(0).detail.find("160 x 120") != std::string::npos, "%s", lines[0].detail.c_str());
  ck_assert(embed({"--max-pixels", "19200", video}).at(0).num_frames > 1);
}
END_TEST

START_TEST(videos_and_images_mix_in_order) {
  const Scratch scratch;
  const std::string video = make_video(scratch, "a.avi", "jpegenc ! avimux");
  const std::string image = reference_image("fruits.jpg");
  const std::vector<Line> lines = embed({image, video, image, video, image});
  for (std::size_t i = 0; i < 5; ++i) ck_assert(lines.at(i).num_frames.has_value() == (i % 2 == 1));
  ck_assert_double_ge(cosine(lines[1].embedding, lines[3].embedding), 0.9999999);
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("embed_videos");
  TCase* containers = tcase_create("containers");
  tcase_set_timeout(containers, 120);
  tcase_add_loop_test(containers, a_video_has_the_vector_of_the_gst_launch_line, 0, 2);
  suite_add_tcase(suite, containers);
  return run_suite(suite,
                   {a_rotated_video_is_turned_upright_unless_told_not_to, sound_beside_the_picture_does_not_matter,
                    a_file_with_nothing_but_sound_is_an_error, a_video_without_a_frame_is_an_error,
                    frames_over_the_limit_are_refused, videos_and_images_mix_in_order});
}
