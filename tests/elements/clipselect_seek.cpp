// clipselect behind a demuxer and a decoder: what it chooses of a file that is played from one end to the other, in
// parts, backwards, and by its key frames.
#include <gst/app/app.h>
#include <gst/video/video.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gst/clipselect.h"
#include "gst/glib_ptr.h"
#include "tests/unit/scene.h"
#include "tests/unit/scratch.h"

// Last: gstcheck.h brings check.h, whose macros the standard library's headers trip over.
#include <gst/check/gstcheck.h>

namespace {

using clipembed::Scratch;

constexpr int kRate = 25, kWidth = 160, kHeight = 96;
constexpr int kShots = 6, kFramesPerShot = 50;
constexpr GstClockTime kShot = kFramesPerShot * GST_SECOND / kRate, kDuration = kShots * kShot;

// With B-frames and in MP4; without and in WebM. A key frame every second.
const char* const kFormats[] = {"x264enc key-int-max=25 bframes=2 ! h264parse ! mp4mux",
                                "vp8enc deadline=1 keyframe-max-dist=25 ! webmmux"};

struct Unref {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
using ElementPtr = std::unique_ptr<GstElement, Unref>;

ElementPtr parse(const std::string& line) {
  g_autoptr(GError) error = nullptr;
  ElementPtr pipeline(gst_parse_launch(line.c_str(), &error));
  fail_unless(pipeline && !error, "%s: %s", line.c_str(), error ? error->message : "");
  return pipeline;
}

GstBuffer* frame_of(int shot, int number) {
  GstBuffer* buffer = gst_buffer_new_allocate(nullptr, kWidth * kHeight * 3 / 2, nullptr);
  GstMapInfo map;
  fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
  std::fill_n(map.data, map.size, 128);
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const double x = 64.0 / kWidth * (i % kWidth), y = 36.0 / kHeight * (i / kWidth);
    map.data[i] = static_cast<guint8>(16 + scene_level(shot, x, y) * 219 / 255);
  }
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(number, GST_SECOND, kRate);
  GST_BUFFER_DURATION(buffer) = GST_SECOND / kRate;
  return buffer;
}

std::string make_video(const Scratch& scratch, const char* format) {
  const std::string path = scratch.path() / "video";
  const ElementPtr pipeline = parse(
      "appsrc name=src format=time caps=video/x-raw,format=I420,width=160,height=96,"
      "framerate=25/1 ! " +
      std::string(format) + " ! filesink location=" + path);
  const ElementPtr source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "src"));
  g_object_set(source.get(), "max-bytes", guint64{0}, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  for (int i = 0; i < kShots * kFramesPerShot; ++i) {
    gst_app_src_push_buffer(GST_APP_SRC(source.get()), frame_of(i / kFramesPerShot, i));
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source.get()));
  const auto kinds = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_autoptr(GstBus) bus = gst_element_get_bus(pipeline.get());
  g_autoptr(GstMessage) message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, kinds);
  fail_unless(GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return path;
}

struct Seek {
  gdouble rate = 1;
  int flags = GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE;
  GstClockTime start = 0, stop = kDuration;
};

// A player of one file.
class Player {
 public:
  Player(const char* format, const std::string& properties)
      : pipeline_(parse("filesrc location=" + make_video(scratch_, format) +
                        " ! decodebin3 ! clipselect name=it max-gap=0 " + properties + " ! fakesink sync=false")) {
    bus_ = gst_element_get_bus(pipeline_.get());
    gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
    fail_unless_equals_int(gst_element_get_state(pipeline_.get(), nullptr, nullptr, GST_CLOCK_TIME_NONE),
                           GST_STATE_CHANGE_SUCCESS);
  }
  ~Player() {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    gst_object_unref(bus_);
  }
  Player(const Player&) = delete;

  // While paused nothing moves, so what has been posted by now is of before the seek.
  void seek(const Seek& seek) {
    if (seek.flags & GST_SEEK_FLAG_FLUSH) gst_bus_set_flushing(bus_, TRUE), gst_bus_set_flushing(bus_, FALSE);
    fail_unless(gst_element_seek(pipeline_.get(), seek.rate, GST_FORMAT_TIME, static_cast<GstSeekFlags>(seek.flags),
                                 GST_SEEK_TYPE_SET, static_cast<gint64>(seek.start), GST_SEEK_TYPE_SET,
                                 static_cast<gint64>(seek.stop)));
  }

  // Plays to the end of the file or of a segment seek.
  struct Choice {
    std::vector<GstClockTime> times;
    std::set<gint> shots;    // that have a chosen frame, by clipselect's count
    std::set<int> scenes;    // by truth
    gint counted_shots = 0;  // from the summary
    guint64 frames = 0;
  };
  Choice play() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    Choice choice;
    for (;;) {
      g_autoptr(GstMessage) message = gst_bus_timed_pop(bus_, GST_CLOCK_TIME_NONE);
      fail_unless(GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR);
      const GstMessageType type = GST_MESSAGE_TYPE(message);
      if (type == GST_MESSAGE_EOS || type == GST_MESSAGE_SEGMENT_DONE) return choice;
      note(choice, message);
    }
  }

 private:
  static void note(Choice& choice, GstMessage* message) {
    const GstStructure* structure = gst_message_get_structure(message);
    if (gst_message_has_name(message, "clip-select")) {
      guint64 time = 0;
      gint shot = -1;
      gst_structure_get(structure, "stream-time", G_TYPE_UINT64, &time, "scene-index", G_TYPE_INT, &shot, nullptr);
      choice.times.push_back(time);
      choice.shots.insert(shot);
      choice.scenes.insert(static_cast<int>(time / kShot));
    } else if (gst_message_has_name(message, "clip-select-summary")) {
      gst_structure_get(structure, "shots", G_TYPE_INT, &choice.counted_shots, "frames", G_TYPE_UINT64, &choice.frames,
                        nullptr);
    }
  }

  const Scratch scratch_;
  const ElementPtr pipeline_;
  GstBus* bus_ = nullptr;
};

}  // namespace

START_TEST(a_file_has_the_same_choice_every_time) {
  Player player(kFormats[_i], "frames=10");
  player.seek({});
  const Player::Choice whole = player.play();
  fail_unless_equals_int(whole.counted_shots, kShots);
  fail_unless_equals_int(whole.shots.size(), kShots);
  fail_unless_equals_uint64(whole.frames, kShots * kFramesPerShot);
  fail_unless(std::ranges::is_sorted(whole.times));
  for (int again = 0; again < 3; ++again) {
    player.seek({});
    fail_unless(player.play().times == whole.times);
  }
}
END_TEST

START_TEST(a_part_of_a_file_is_chosen_from_by_itself) {
  Player player(kFormats[_i], "frames=8");
  player.seek({.start = 3 * GST_SECOND, .stop = 7 * GST_SECOND});
  const Player::Choice choice = player.play();
  fail_unless_equals_int(choice.frames, 4 * kRate);
  fail_unless(choice.scenes == std::set<int>({1, 2, 3}));
  fail_unless(choice.shots == std::set<gint>({0, 1, 2}));
  fail_unless(choice.times.size() >= 8 && choice.times.size() <= 10, "%zu", choice.times.size());
  fail_unless(choice.times.front() >= 3 * GST_SECOND && choice.times.back() < 7 * GST_SECOND);
}
END_TEST

START_TEST(segments_follow_each_other_without_a_flush) {
  Player player(kFormats[_i], "frames=2");
  player.seek({.flags = GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE | GST_SEEK_FLAG_SEGMENT,
               .start = 2 * GST_SECOND,
               .stop = 6 * GST_SECOND});
  fail_unless(player.play().scenes == std::set<int>({1, 2}));
  player.seek({.flags = GST_SEEK_FLAG_ACCURATE | GST_SEEK_FLAG_SEGMENT, .start = 8 * GST_SECOND, .stop = kDuration});
  fail_unless(player.play().scenes == std::set<int>({4, 5}));
  player.seek({.flags = GST_SEEK_FLAG_ACCURATE, .start = 0, .stop = 2 * GST_SECOND});
  const Player::Choice last = player.play();
  fail_unless(last.scenes == std::set<int>({0}));
  fail_unless_equals_int(last.counted_shots, 5);
}
END_TEST

START_TEST(backwards_every_shot_has_a_frame_too) {
  Player player(kFormats[_i], "frames=10");
  player.seek({.rate = -1});
  const Player::Choice choice = player.play();
  fail_unless_equals_int(choice.frames, kShots * kFramesPerShot);
  fail_unless_equals_int(choice.counted_shots, kShots);
  fail_unless_equals_int(choice.scenes.size(), kShots);
  fail_unless(std::ranges::is_sorted(choice.times, std::greater<>()));
}
END_TEST

START_TEST(twice_as_fast_every_shot_has_a_frame_too) {
  Player player(kFormats[_i], "frames=10");
  player.seek({.rate = 2});
  const Player::Choice choice = player.play();
  fail_unless_equals_int(choice.counted_shots, kShots);
  fail_unless_equals_int(choice.scenes.size(), kShots);
}
END_TEST

START_TEST(key_frames_give_every_shot_that_has_one) {
  Player player(kFormats[_i], "frames=0");
  player.seek({.flags = GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_TRICKMODE | GST_SEEK_FLAG_TRICKMODE_KEY_UNITS});
  const Player::Choice choice = player.play();
  fail_unless(choice.frames >= kShots && choice.frames <= 3 * kShots, "%" G_GUINT64_FORMAT, choice.frames);
  fail_unless_equals_int(choice.counted_shots, kShots);
  fail_unless_equals_int(choice.scenes.size(), kShots);
  fail_unless_equals_int(choice.times.size(), kShots);
}
END_TEST

int main(int argc, char** argv) {
  gst_check_init(&argc, &argv);
  GST_ELEMENT_REGISTER(clipselect, nullptr);
  Suite* suite = suite_create("clipselect_seek");
  TCase* tcase = tcase_create("seek");
  suite_add_tcase(suite, tcase);
  for (const auto test : {a_file_has_the_same_choice_every_time, a_part_of_a_file_is_chosen_from_by_itself,
                          segments_follow_each_other_without_a_flush, backwards_every_shot_has_a_frame_too,
                          twice_as_fast_every_shot_has_a_frame_too, key_frames_give_every_shot_that_has_one}) {
    tcase_add_loop_test(tcase, test, 0, G_N_ELEMENTS(kFormats));
  }
  return gst_check_run_suite(suite, "clipselect_seek", __FILE__);
}
