// `clipembed embed` on one video: its chosen frames in the output and as drawings, and the options that ask for them.
#include <gdk-pixbuf/gdk-pixbuf.h>
#include <gst/gst.h>
#include <json-glib/json-glib.h>

#include <fstream>  // before check.h, whose fail() is a macro

#include "tests/cli/program.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

namespace {

using namespace clipembed;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Runs a gst-launch line to its end.
void launch(const std::string& line) {
  gst_init(nullptr, nullptr);
  const GObjectPtr<GstElement> pipeline(gst_parse_launch(line.c_str(), nullptr));
  ck_assert_msg(pipeline != nullptr, "%s", line.c_str());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(
      bus, GST_CLOCK_TIME_NONE, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  ck_assert_msg(GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS, "%s", line.c_str());
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

// Two seconds of two scenes, 160 x 120.
std::string make_video(const Scratch& scratch) {
  const std::string path = scratch.path() / "two scenes.avi";
  const char kHalf[] = "num-buffers=20 ! video/x-raw,format=I420,width=160,height=120,framerate=20/1 ! c. ";
  launch(std::string("concat name=c ! jpegenc ! avimux ! filesink location=\"") + path +
         "\" videotestsrc pattern=smpte " + kHalf + "videotestsrc pattern=ball background-color=0xff204080 " + kHalf);
  return path;
}

Finished run(Arguments arguments) {
  arguments.insert(arguments.begin(), {"embed", "--model", reference_model("model-a"), "--precision", "fp32"});
  return run_program(arguments);
}

Finished run_well(const Arguments& arguments) {
  Finished finished = run(arguments);
  ck_assert_msg(finished.status == 0, "status %d: %s", finished.status, finished.err.c_str());
  return finished;
}

START_TEST(detail_frames_tells_of_each_chosen_frame) {
  const Scratch scratch;
  const std::string out = run_well({"--frames", "4", "--detail", "frames", make_video(scratch)}).out;
  g_autoptr(JsonParser) parser = json_parser_new();
  ck_assert(json_parser_load_from_data(parser, out.c_str(), -1, nullptr));
  JsonObject* answer = json_node_get_object(json_parser_get_root(parser));
  JsonObject* metadata = json_object_get_object_member(answer, "debugMetadata");
  JsonArray* frames = json_object_get_array_member(answer, "frames");
  JsonArray* times = json_object_get_array_member(metadata, "selected_times");
  const guint count = json_array_get_length(frames);
  ck_assert_int_ge(count, 4);
  ck_assert_int_eq(json_object_get_int_member(metadata, "num_frames"), count);
  ck_assert_int_eq(json_object_get_int_member(metadata, "scene_count"), 2);
  ck_assert_int_eq(json_array_get_length(json_object_get_array_member(metadata, "entropy_values")), count);
  ck_assert_str_eq(json_object_get_string_member(metadata, "method_used"), "thorough");
  double before = -1;
  for (guint i = 0; i < count; ++i) {
    JsonObject* frame = json_array_get_object_element(frames, i);
    const double time = json_object_get_double_member(frame, "time");
    ck_assert_double_gt(time, before);
    ck_assert_double_eq(time, json_array_get_double_element(times, i));
    ck_assert_int_eq(json_object_get_int_member(frame, "scene"), time < 1 ? 0 : 1);
    ck_assert_int_gt(json_array_get_length(json_object_get_array_member(frame, "embedding")), 0);
    before = time;
  }
}
END_TEST

START_TEST(augmented_vectors_are_others_and_say_so) {
  const Scratch scratch;
  const std::string video = make_video(scratch);
  const std::string plain = run_well({video}).out, augmented = run_well({"--augment", "flip", video}).out;
  ck_assert(contains(plain, "\"enable_augmentation\":false"));
  ck_assert(contains(augmented, "\"enable_augmentation\":true"));
  ck_assert(parse_lines(plain).at(0).embedding != parse_lines(augmented).at(0).embedding);
}
END_TEST

START_TEST(a_video_is_drawn) {
  const Scratch scratch;
  const std::string sheet = scratch.path() / "sheet.png", timeline = scratch.path() / "timeline.svg";
  const Finished finished =
      run_well({"--contact-sheet", sheet, "--timeline", timeline, "--frames", "4", make_video(scratch)});
  ck_assert_uint_eq(parse_lines(finished.out).size(), 1);
  ck_assert(read_file(sheet).starts_with("\x89PNG"));
  const std::string svg = read_file(timeline);
  ck_assert(contains(svg, "Chosen frames of two scenes.avi"));
  ck_assert(contains(svg, "2 shots"));
  ck_assert(contains(svg, "<title>0:01.00 cut</title>"));
}
END_TEST

// The second half is a blue ground with a ball on it.
START_TEST(a_contact_sheet_shows_what_is_in_the_video) {
  const Scratch scratch;
  const std::string sheet = scratch.path() / "sheet.png";
  run_well({"--contact-sheet", sheet, "--frames", "4", make_video(scratch)});
  const GObjectPtr<GdkPixbuf> pixels(gdk_pixbuf_new_from_file(sheet.c_str(), nullptr));
  ck_assert(pixels != nullptr);
  int blue = 0;
  for (int y = 0; y < gdk_pixbuf_get_height(pixels.get()); ++y) {
    const guint8* row = gdk_pixbuf_read_pixels(pixels.get()) + y * gdk_pixbuf_get_rowstride(pixels.get());
    for (int x = 0; x < gdk_pixbuf_get_width(pixels.get()); ++x) {
      const guint8* pixel = row + x * gdk_pixbuf_get_n_channels(pixels.get());
      if (abs(pixel[0] - 0x20) < 12 && abs(pixel[1] - 0x40) < 12 && abs(pixel[2] - 0x80) < 12) ++blue;
    }
  }
  ck_assert_int_gt(blue, 2 * 200 * 150);  // two pictures at least, most of them ground
}
END_TEST

START_TEST(a_reader_that_goes_away_is_no_reason_to_leave_half_a_file) {
  const Scratch scratch;
  const std::string timeline = scratch.path() / "timeline.svg";
  const GObjectPtr<GSubprocess> process =
      start_program({"embed", "--model", reference_model("model-a"), "--timeline", timeline, "nothing.avi"});
  g_input_stream_close(g_subprocess_get_stdout_pipe(process.get()), nullptr, nullptr);
  ck_assert(g_subprocess_wait(process.get(), nullptr, nullptr));
  ck_assert_msg(g_subprocess_get_if_exited(process.get()), "killed by a signal");
  ck_assert_int_eq(g_subprocess_get_exit_status(process.get()), 1);
  ck_assert_int_eq(std::distance(std::filesystem::directory_iterator(scratch.path()), {}), 0);
}
END_TEST

START_TEST(what_fails_leaves_drawings_as_they_were) {
  const Scratch scratch;
  const std::string timeline = scratch.path() / "timeline.svg", broken = scratch.path() / "broken.avi";
  write_file(timeline, "old");
  write_file(broken, "RIFF no video");
  ck_assert_int_eq(run({"--timeline", timeline, broken}).status, 1);
  ck_assert_str_eq(read_file(timeline).c_str(), "old");
  ck_assert_int_eq(std::distance(std::filesystem::directory_iterator(scratch.path()), {}), 2);
}
END_TEST

START_TEST(an_image_is_embedded_and_not_drawn) {
  const Scratch scratch;
  const std::string sheet = scratch.path() / "sheet.png";
  const Finished finished = run({"--contact-sheet", sheet, reference_image("fruits.jpg")});
  ck_assert_int_eq(finished.status, 1);
  ck_assert_msg(contains(finished.err, "fruits.jpg is no video"), "%s", finished.err.c_str());
  ck_assert_uint_eq(parse_lines(finished.out).size(), 1);
  ck_assert(!std::filesystem::exists(sheet));
}
END_TEST

START_TEST(a_drawing_that_cannot_be_written_is_an_error_before_the_work) {
  const Scratch scratch;
  const Finished finished = run({"--timeline", scratch.path() / "nowhere" / "t.svg", make_video(scratch)});
  ck_assert_int_eq(finished.status, 1);
  ck_assert_msg(contains(finished.err, "cannot create"), "%s", finished.err.c_str());
  ck_assert_str_eq(finished.out.c_str(), "");
}
END_TEST

const struct {
  Arguments arguments;
  const char* complaint;
} kWrong[] = {
    {{"--contact-sheet", "a.png", "a.mp4", "b.mp4"}, "draw one video: name one file, not 2"},
    {{"--timeline", "a.svg", "a.mp4", "b.mp4"}, "draw one video: name one file, not 2"},
    {{"--contact-sheet", "a.jpg", "a.mp4"}, "--contact-sheet a.jpg: it writes png, so name it *.png"},
    {{"--timeline", "a.png", "a.mp4"}, "--timeline a.png: it writes svg, so name it *.svg"},
    {{"--timeline", "a", "-o", "a", "a.mp4"}, "a is named for two outputs"},
    {{"--frames", "0", "a.mp4"}, "--frames 0: not in 1 to 1000"},
    {{"--frames", "1001", "a.mp4"}, "--frames 1001: not in 1 to 1000"},
    {{"--frames", "many", "a.mp4"}, "many"},
    {{"--sampling", "fast", "a.mp4"}, "--sampling fast: not one of auto, thorough, keyframes"},
    {{"--augment", "twice", "a.mp4"}, "--augment twice: not one of none, flip, five-crop"},
    {{"--detail", "all", "a.mp4"}, "--detail all: the choice is frames"},
};

START_TEST(wrong_options_are_named) {
  const Finished finished = run(kWrong[_i].arguments);
  ck_assert_int_eq(finished.status, 2);
  ck_assert_msg(contains(finished.err, kWrong[_i].complaint), "%s", finished.err.c_str());
  ck_assert_str_eq(finished.out.c_str(), "");
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("embed_drawings");
  TCase* options = tcase_create("options");
  tcase_add_loop_test(options, wrong_options_are_named, 0, std::size(kWrong));
  suite_add_tcase(suite, options);
  return run_suite(
      suite, {detail_frames_tells_of_each_chosen_frame, augmented_vectors_are_others_and_say_so, a_video_is_drawn,
              a_contact_sheet_shows_what_is_in_the_video, a_reader_that_goes_away_is_no_reason_to_leave_half_a_file,
              what_fails_leaves_drawings_as_they_were, an_image_is_embedded_and_not_drawn,
              a_drawing_that_cannot_be_written_is_an_error_before_the_work});
}
