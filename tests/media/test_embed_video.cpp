// Videos of every container and codec that is promised, made by ffmpeg, and what is odd about some: which frames stand
// for them, how, and what is said of damage.
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>
#include <fstream>  // before check.h, whose fail() is a macro
#include <set>

#include "tests/media/embedding.h"
#include "tests/media/video_files.h"
#include "tests/unit/expect.h"
#include "tests/unit/golden.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"
#include "tools/media/embed_video.h"

namespace {

using namespace clipembed;

MediaOptions thorough() { return {.sampling = Sampling::kThorough}; }
MediaOptions keyframes(unsigned frames) { return {.frames = frames, .sampling = Sampling::kKeyframes}; }

struct Kind {
  const char* name;  // of the file
  const char* encoding;
  const char* decoder;
};
constexpr Kind kKinds[] = {
    {"h264.mp4", "-c:v libx264 -g 25", "avdec_h264"},  // moov at the end
    {"h264-faststart.mp4", "-c:v libx264 -g 25 -movflags +faststart", "avdec_h264"},
    {"h264-fragments.mp4", "-c:v libx264 -g 25 -movflags +frag_keyframe+empty_moov", "avdec_h264"},
    {"h264.mov", "-c:v libx264 -g 25", "avdec_h264"},
    {"h264.mkv", "-c:v libx264 -g 25", "avdec_h264"},
    {"h264.ts", "-c:v libx264 -g 25", "avdec_h264"},
    {"h265.mp4", "-c:v libx265 -x265-params log-level=error:keyint=25 -tag:v hvc1", "avdec_h265"},
    {"h265.mkv", "-c:v libx265 -x265-params log-level=error:keyint=25", "avdec_h265"},
    {"vp8.webm", "-c:v libvpx -g 25 -deadline realtime", "vp8dec"},
    {"vp9.webm", "-c:v libvpx-vp9 -g 25 -deadline realtime -cpu-used 8", "vp9dec"},
    {"av1.mp4", "-c:v libsvtav1 -preset 12 -g 25", "av1dec"},
    {"av1.webm", "-c:v libsvtav1 -preset 12 -g 25", "av1dec"},
    {"mpeg4.avi", "-c:v mpeg4 -g 25", "avdec_mpeg4"},
    {"mpeg4.mp4", "-c:v mpeg4 -g 25", "avdec_mpeg4"},
    {"mjpeg.avi", "-c:v mjpeg -pix_fmt yuvj420p", "jpegdec"},
    {"mjpeg.mov", "-c:v mjpeg -pix_fmt yuvj420p", "jpegdec"},
    {"mpeg2.ts", "-c:v mpeg2video -g 25", "avdec_mpeg2video"},
    {"theora.ogg", "-c:v libtheora -g 25", "theoradec"},
    {"vp8.ogg", "-c:v libvpx -g 25 -deadline realtime", "vp8dec"},
};

bool make(const Kind& kind, const std::filesystem::path& path) {
  if (make_three_shots(path, words(kind.encoding))) return true;
  std::printf("SKIP: ffmpeg here cannot make %s (%s)\n", kind.name, kind.encoding);
  return false;
}

std::filesystem::path make_h264(const Scratch& scratch, const char* name = "video.mp4", const char* more = "") {
  const auto path = scratch.path() / name;
  ck_assert(make_three_shots(path, words(std::string("-c:v libx264 -g 25 ") + more)));
  return path;
}

std::set<int> scenes_of(const MediaEmbedding& video) {
  std::set<int> scenes;
  for (const ChosenFrame& frame : video.frames) scenes.insert(frame.scene.value_or(-1));
  return scenes;
}

double length(const std::vector<float>& vector) {
  double sum = 0;
  for (float value : vector) sum += double{value} * double{value};
  return std::sqrt(sum);
}

// ---- every container and codec ----

START_TEST(thorough_finds_every_shot) {
  const Scratch scratch;
  const Kind& kind = kKinds[_i];
  const auto path = scratch.path() / kind.name;
  if (!make(kind, path)) return;
  const MediaEmbedding video = expect_embedding(path, thorough());
  ck_assert_msg(video.method == Sampling::kThorough && video.is_video, "%s", kind.name);
  ck_assert_msg(video.scene_count == kShots, "%s: %u shots", kind.name, video.scene_count.value_or(0));
  ck_assert_msg(scenes_of(video) == (std::set<int>{0, 1, 2}), "%s: a shot has no frame", kind.name);
  ck_assert_msg(video.frames.size() >= 24, "%s: %zu frames", kind.name, video.frames.size());
  ck_assert_msg(video.decoder == kind.decoder, "%s: %s", kind.name, video.decoder.c_str());
  ck_assert_msg(video.warning.empty(), "%s: %s", kind.name, video.warning.c_str());
  ck_assert_msg(video.width == 160 && video.height == 120, "%s: %d x %d", kind.name, video.width, video.height);
  ck_assert_double_eq_tol(length(video.vector), 1, 1e-6);
}
END_TEST

START_TEST(key_frames_stand_for_a_video_too) {
  const Scratch scratch;
  const Kind& kind = kKinds[_i];
  const auto path = scratch.path() / kind.name;
  if (!make(kind, path)) return;
  const MediaEmbedding video = expect_embedding(path, keyframes(6));
  ck_assert_msg(video.method == Sampling::kKeyframes, "%s: fell back", kind.name);
  ck_assert_msg(video.frames.size() >= 5 && video.frames.size() <= 8, "%s: %zu frames", kind.name, video.frames.size());
  ck_assert_msg(video.warning.empty(), "%s: %s", kind.name, video.warning.c_str());
  ck_assert_msg(!video.scene_count, "%s", kind.name);
  for (std::size_t i = 1; i < video.frames.size(); ++i)
    ck_assert_msg(video.frames[i - 1].time < video.frames[i].time, "%s: twice the same frame", kind.name);
  const double likeness = cosine(video.vector, expect_embedding(path, thorough()).vector);
  ck_assert_msg(likeness > 0.97, "%s: cosine %f", kind.name, likeness);
}
END_TEST

// ---- key frames ----

START_TEST(gaps_between_key_frames_are_filled) {
  const Scratch scratch;
  // One key frame for all.
  const auto path = make_h264(scratch, "video.mp4", "-g 1000 -sc_threshold 0 -x264-params scenecut=0");
  const MediaEmbedding video = expect_embedding(path, keyframes(12));
  ck_assert(video.method == Sampling::kKeyframes);
  ck_assert_uint_ge(video.frames.size(), 11);
  ck_assert_str_eq(video.frames.front().reason.c_str(), "coverage");
  for (std::size_t i = 1; i < video.frames.size(); ++i) {
    ck_assert_str_eq(video.frames[i].reason.c_str(), "interval");
    ck_assert(video.frames[i].time - video.frames[i - 1].time <= std::chrono::seconds(1));
    ck_assert(video.frames[i].entropy.has_value());
  }
}
END_TEST

START_TEST(auto_decodes_short_videos_in_full) {
  const Scratch scratch;
  ck_assert(expect_embedding(make_h264(scratch)).method == Sampling::kThorough);
}
END_TEST

START_TEST(what_cannot_be_sought_in_is_decoded_in_full) {
  const Scratch scratch;
  const auto path = make_h264(scratch, "video.h264");
  const MediaEmbedding video = expect_embedding(path, keyframes(6));
  ck_assert(video.method == Sampling::kThorough);
  ck_assert(scenes_of(video) == (std::set<int>{0, 1, 2}));
}
END_TEST

// ---- the vector ----

START_TEST(the_same_file_gives_the_same_frames) {
  const Scratch scratch;
  const auto path = make_h264(scratch);
  for (const MediaOptions& options : {thorough(), keyframes(10)}) {
    const MediaEmbedding first = expect_embedding(path, options), second = expect_embedding(path, options);
    ck_assert_uint_eq(first.frames.size(), second.frames.size());
    for (std::size_t i = 0; i < first.frames.size(); ++i) ck_assert(first.frames[i].time == second.frames[i].time);
    // Batches may differ, and with them the last bits.
    ck_assert_double_ge(cosine(first.vector, second.vector), 0.999999);
  }
}
END_TEST

START_TEST(the_vector_is_the_mean_of_the_frames) {
  const Scratch scratch;
  const MediaEmbedding video = expect_embedding(make_h264(scratch), thorough());
  std::vector<float> sum(video.vector.size());
  for (const ChosenFrame& frame : video.frames) {
    ck_assert_double_eq_tol(length(frame.embedding), 1, 1e-5);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += frame.embedding[i];
  }
  ck_assert_double_ge(cosine(sum, video.vector), 0.9999999);
}
END_TEST

// ---- odd videos ----

START_TEST(rotation_is_applied) {
  const Scratch scratch;
  const auto plain = make_h264(scratch);
  const auto tagged = scratch.path() / "tagged.mp4", turned = scratch.path() / "turned.mp4";
  ck_assert(ffmpeg({"-display_rotation", "90", "-i", plain, "-c", "copy", tagged}));
  ck_assert(ffmpeg({"-i", plain, "-vf", "transpose=cclock", "-c:v", "libx264", "-crf", "1", turned}));
  const MediaEmbedding upright = expect_embedding(tagged, thorough());
  ck_assert(upright.width == 120 && upright.height == 160);
  const double likeness = cosine(upright.vector, expect_embedding(turned, thorough()).vector);
  ck_assert_double_gt(likeness, cosine(upright.vector, expect_embedding(plain, thorough()).vector));
  ck_assert_double_gt(likeness, 0.999);
  MediaOptions stored = thorough();
  stored.auto_orient = false;
  ck_assert_double_ge(cosine(expect_embedding(tagged, stored).vector, expect_embedding(plain, thorough()).vector),
                      0.9999999);
}
END_TEST

START_TEST(interlaced_frames_are_made_whole) {
  const Scratch scratch;
  const auto progressive = make_h264(scratch, "progressive.mp4");
  const auto interlaced = scratch.path() / "interlaced.ts";
  ck_assert(ffmpeg({"-i", progressive, "-vf", "tinterlace=interleave_top,fieldorder=tff", "-c:v", "mpeg2video",
                    "-flags", "+ilme+ildct", "-q:v", "2", interlaced}));
  const MediaEmbedding video = expect_embedding(interlaced, thorough());
  ck_assert(scenes_of(video) == (std::set<int>{0, 1, 2}));
  for (const ChosenFrame& frame : video.frames) ck_assert(frame.entropy.has_value());
  ck_assert_double_ge(cosine(video.vector, expect_embedding(progressive, thorough()).vector), 0.995);
}
END_TEST

START_TEST(frames_at_varying_distances_are_all_seen) {
  const Scratch scratch;
  const auto plain = make_h264(scratch, "plain.mkv");
  const auto varying = scratch.path() / "varying.mkv";
  // Every frame of the first shot, then four a second.
  ck_assert(
      ffmpeg({"-i", plain, "-vf", "select='lt(t,2)+not(mod(n,6))'", "-fps_mode", "vfr", "-c:v", "libx264", varying}));
  const MediaEmbedding video = expect_embedding(varying, thorough());
  ck_assert(scenes_of(video) == (std::set<int>{0, 1, 2}));
  ck_assert(video.frames.back().time > std::chrono::milliseconds(5500));
}
END_TEST

START_TEST(the_first_of_several_video_streams_counts) {
  const Scratch scratch;
  const auto first = make_h264(scratch, "first.mp4"), second = scratch.path() / "second.mp4",
             both = scratch.path() / "both.mkv";
  ck_assert(ffmpeg({"-i", first, "-vf", "negate", "-c:v", "libx264", second}));
  ck_assert(ffmpeg({"-i", first, "-i", second, "-map", "0", "-map", "1", "-c", "copy", both}));
  ck_assert_double_ge(cosine(expect_embedding(both, thorough()).vector, expect_embedding(first, thorough()).vector),
                      0.999);
}
END_TEST

START_TEST(one_frame_is_a_video) {
  const Scratch scratch;
  for (const char* name : {"one.mp4", "one.mkv", "one.avi"}) {
    const auto path = make_h264(scratch, name, "-frames:v 1");
    for (const MediaOptions& options : {thorough(), keyframes(6)}) {
      const MediaEmbedding video = expect_embedding(path, options);
      ck_assert_msg(video.frames.size() == 1, "%s: %zu", name, video.frames.size());
      ck_assert_msg(video.warning.empty(), "%s: %s", name, video.warning.c_str());
    }
  }
}
END_TEST

START_TEST(sound_alone_is_no_video) {
  const Scratch scratch;
  const auto path = scratch.path() / "sound.mp4";
  ck_assert(ffmpeg({"-f", "lavfi", "-i", "sine=d=1", path}));
  expect_error(embed(path), Error::Kind::kFormat, {"no video stream"});
}
END_TEST

START_TEST(what_is_no_media_is_said_to_be_unsupported) {
  const Scratch scratch;
  write_file(scratch.path() / "text.mp4", "this is a text and not a video at all, whatever its name says");
  expect_error(embed(scratch.path() / "text.mp4"), Error::Kind::kFormat, {"text.mp4"});
}
END_TEST

// ---- damage ----

START_TEST(what_can_be_decoded_of_a_cut_file_counts_and_the_rest_is_told) {
  const Scratch scratch;
  for (const char* name : {"cut.mkv", "cut.avi", "cut.mp4"}) {
    const auto path = make_h264(scratch, name, "-movflags +faststart");
    const std::string whole = read_file(path);
    write_file(path, whole.substr(0, whole.size() / 2));
    for (const MediaOptions& options : {thorough(), keyframes(6)}) {
      const MediaEmbedding video = expect_embedding(path, options);
      ck_assert_msg(!video.frames.empty() && !video.warning.empty(), "%s: no warning", name);
      ck_assert_msg(video.frames.back().time < std::chrono::seconds(5), "%s", name);
    }
  }
}
END_TEST

START_TEST(a_cut_mp4_without_its_index_is_an_error) {
  const Scratch scratch;
  const auto path = make_h264(scratch);
  const std::string whole = read_file(path);
  write_file(path, whole.substr(0, whole.size() / 2));
  expect_error(embed(path), Error::Kind::kFailed, {"video.mp4", "moov"});
}
END_TEST

START_TEST(noise_in_the_middle_does_not_end_a_video) {
  const Scratch scratch;
  const auto path = make_h264(scratch, "noise.ts");
  std::string bytes = read_file(path);
  for (std::size_t i = bytes.size() / 3; i < bytes.size() / 3 + 2000; ++i) bytes[i] = static_cast<char>(i * 37);
  write_file(path, bytes);
  const MediaEmbedding video = expect_embedding(path, thorough());
  ck_assert(video.frames.back().time > std::chrono::seconds(5));
}
END_TEST

// ---- limits ----

START_TEST(a_longer_video_than_allowed_is_refused) {
  const Scratch scratch;
  MediaOptions options = thorough();
  options.max_duration = std::chrono::seconds(5);
  expect_error(embed(make_h264(scratch), options), Error::Kind::kFailed, {"6.0 s", "5.0 s"});
  // Its length is known only when it is there.
  expect_error(embed(make_h264(scratch, "live.mkv", "-f matroska -live 1"), options), Error::Kind::kFailed, {"5.0 s"});
  options.max_duration = std::chrono::seconds(7);
  expect_embedding(scratch.path() / "video.mp4", options);
}
END_TEST

START_TEST(no_more_frames_than_allowed_are_embedded) {
  const Scratch scratch;
  MediaOptions options = thorough();
  options.max_frames = 5;
  const MediaEmbedding video = expect_embedding(make_h264(scratch), options);
  ck_assert_uint_ge(video.frames.size(), 5);
  ck_assert_uint_lt(video.frames.size(), 29);
  ck_assert_msg(video.warning.find("first 5") != std::string::npos, "%s", video.warning.c_str());
}
END_TEST

// ---- what else may be asked for ----

START_TEST(pictures_and_scores_come_when_asked_for) {
  const Scratch scratch;
  MediaOptions options = thorough();
  options.picture_side = 80;
  options.scores = true;
  const MediaEmbedding video = expect_embedding(make_h264(scratch), options);
  for (const ChosenFrame& frame : video.frames) {
    ck_assert(frame.picture.width == 80 && frame.picture.height == 60);
    ck_assert_uint_eq(frame.picture.pixels.size(), 80 * 60 * 3);
  }
  ck_assert_uint_eq(video.scores.size(), 150);
  ck_assert_int_eq(std::ranges::count(video.scores, FrameScore::Begins::kCut, &FrameScore::begins), kShots - 1);
}
END_TEST

START_TEST(a_pipeline_of_ones_own_is_used) {
  const Scratch scratch;
  MediaOptions options = thorough();
  options.pipelines.video = "{source} ! qtdemux ! h264parse ! avdec_h264 ! videoconvert ! {embed} ! {sink}";
  const MediaEmbedding video = expect_embedding(make_h264(scratch, "video.mp4", "-frames:v 10"), options);
  ck_assert_uint_eq(video.frames.size(), 10);
  ck_assert_str_eq(video.frames[0].reason.c_str(), "every");
  options.pipelines.video = "{source} ! nosuchelement ! {embed} ! {sink}";
  expect_error(embed(scratch.path() / "video.mp4", options), Error::Kind::kLibrary, {"nosuchelement"});
}
END_TEST

// ---- animations ----

START_TEST(an_animation_is_a_video) {
  const Scratch scratch;
  for (const char* name : {"moving.gif", "moving.webp"}) {
    const auto path = scratch.path() / name;
    ck_assert(ffmpeg({"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2", "-loop", "0", path}));
    const MediaEmbedding video = expect_embedding(path, thorough());
    ck_assert_msg(video.is_video && video.frames.size() > 1, "%s: %zu frames", name, video.frames.size());
    ck_assert_msg(video.frames.back().time > std::chrono::milliseconds(500), "%s", name);
    ck_assert_msg(video.frames.back().time < std::chrono::seconds(2), "%s", name);
  }
}
END_TEST

START_TEST(a_gif_of_one_frame_is_a_still_image) {
  const Scratch scratch;
  const auto path = scratch.path() / "still.gif";
  ck_assert(ffmpeg({"-f", "lavfi", "-i", "testsrc2=s=64x48:r=10:d=2", "-frames:v", "1", path}));
  const MediaEmbedding picture = expect_embedding(path);
  ck_assert(!picture.is_video);
  ck_assert(picture.frames.empty());
}
END_TEST

}  // namespace

int main() {
  Suite* suite = suite_create("embed_video");
  TCase* kinds = tcase_create("kinds");
  tcase_set_timeout(kinds, 120);
  tcase_add_loop_test(kinds, thorough_finds_every_shot, 0, std::size(kKinds));
  tcase_add_loop_test(kinds, key_frames_stand_for_a_video_too, 0, std::size(kKinds));
  suite_add_tcase(suite, kinds);
  return run_suite(suite, {gaps_between_key_frames_are_filled,
                           auto_decodes_short_videos_in_full,
                           what_cannot_be_sought_in_is_decoded_in_full,
                           the_same_file_gives_the_same_frames,
                           the_vector_is_the_mean_of_the_frames,
                           rotation_is_applied,
                           interlaced_frames_are_made_whole,
                           frames_at_varying_distances_are_all_seen,
                           the_first_of_several_video_streams_counts,
                           one_frame_is_a_video,
                           sound_alone_is_no_video,
                           what_is_no_media_is_said_to_be_unsupported,
                           what_can_be_decoded_of_a_cut_file_counts_and_the_rest_is_told,
                           a_cut_mp4_without_its_index_is_an_error,
                           noise_in_the_middle_does_not_end_a_video,
                           a_longer_video_than_allowed_is_refused,
                           no_more_frames_than_allowed_are_embedded,
                           pictures_and_scores_come_when_asked_for,
                           a_pipeline_of_ones_own_is_used,
                           an_animation_is_a_video,
                           a_gif_of_one_frame_is_a_still_image});
}
