// What choosing and embedding the frames of a video costs beside decoding it:
//
//   build/bench/video MODEL_DIR FILE... [ROUNDS]
//
//   decode      filesrc ! decodebin3 ! fakesink: every frame of the first video stream, by the decoder that embeds it
//   tower       30 pictures of the model's size through the engine, at batch 8
//   thorough    embed_video(), in the same round; its floor is decode + tower
//   keyframes   the same with sampling=keyframes
//
// The files have a cut every 2.5 s. Prints the medians of the rounds' ratios beside their bars: thorough 1.20 of the
// floor, keyframes 0.35 of decode (long files), memory 400 MB over the loaded model; cosine, shots, and whether all
// rounds chose the same frames.
#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "bench/engine_time.h"
#include "bench/measure.h"
#include "lib/engine/engine.h"
#include "tools/media/embed_video.h"
#include "tools/media/stream_choice.h"

namespace {

using namespace clipembed;
using Clock = std::chrono::steady_clock;

constexpr int kPictures = 30;
constexpr double kShotSeconds = 2.5;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void give_up(const std::string& message) {
  std::fprintf(stderr, "video: %s\n", message.c_str());
  std::exit(1);
}

double decode_seconds(const std::string& path) {
  const auto start = Clock::now();
  GError* error = nullptr;
  // The location stands in the line: decodebin3 (1.26) looks into the file as soon as it is linked.
  const std::string line =
      "filesrc location=\"" + path + "\" ! decodebin3 name=decoder ! fakesink sync=false enable-last-sample=false";
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (!pipeline || error) give_up(error->message);
  GstElement* decoder = gst_bin_get_by_name(GST_BIN(pipeline), "decoder");
  choose_first_video(decoder);
  gst_object_unref(decoder);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* end = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE,
                                               static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  if (GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR) give_up("cannot decode " + path);
  gst_message_unref(end);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return seconds_since(start);
}

struct Embedded {
  MediaEmbedding video;
  double seconds;
  double peak_megabytes;  // above what was there before
};

Embedded embed(const std::string& path, const std::string& model, Sampling sampling) {
  std::ofstream("/proc/self/clear_refs") << "5";  // starts the high-water mark anew
  const double before = status_megabytes("VmRSS");
  const auto start = Clock::now();
  const Result<MediaFile> file = MediaFile::open(path);
  if (!file) give_up(file.error().message);
  Deadline deadline(std::chrono::minutes(10));
  Result<MediaEmbedding> video = embed_video(*file, {.sampling = sampling}, {.model = model}, deadline, {});
  if (!video) give_up(video.error().message);
  return {*std::move(video), seconds_since(start), status_megabytes("VmHWM") - before};
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += double{a[i]} * double{b[i]};
    aa += double{a[i]} * double{a[i]};
    bb += double{b[i]} * double{b[i]};
  }
  return dot / std::sqrt(aa * bb);
}

std::vector<std::chrono::nanoseconds> times_of(const MediaEmbedding& video) {
  std::vector<std::chrono::nanoseconds> times;
  for (const ChosenFrame& frame : video.frames) times.push_back(frame.time);
  return times;
}

int shots_without_a_frame(const MediaEmbedding& video, double duration) {
  int without = 0;
  for (double start = 0; start + kShotSeconds / 2 < duration; start += kShotSeconds) {
    without += std::ranges::none_of(video.frames, [start](const ChosenFrame& frame) {
      const double time = std::chrono::duration<double>(frame.time).count();
      return time >= start && time < start + kShotSeconds;
    });
  }
  return without;
}

void measure(const std::string& path, const std::string& model, Engine& engine, int rounds) {
  std::vector<double> decode, tower, thorough, keyframes, of_floor, of_decode, peak;
  MediaEmbedding first_thorough, first_keyframes;
  bool same = true;
  for (int round = 0; round < rounds; ++round) {
    decode.push_back(decode_seconds(path));
    tower.push_back(engine_seconds(engine, kPictures));
    Embedded all = embed(path, model, Sampling::kThorough), keys = embed(path, model, Sampling::kKeyframes);
    thorough.push_back(all.seconds);
    keyframes.push_back(keys.seconds);
    of_floor.push_back(all.seconds / (decode.back() + tower.back()));
    of_decode.push_back(keys.seconds / decode.back());
    peak.push_back(std::max(all.peak_megabytes, keys.peak_megabytes));
    if (round > 0) same = same && times_of(all.video) == times_of(first_thorough);
    if (round > 0) same = same && times_of(keys.video) == times_of(first_keyframes);
    first_thorough = std::move(all.video);
    first_keyframes = std::move(keys.video);
  }
  const double duration =
      std::chrono::duration<double>(first_thorough.duration.value_or(std::chrono::seconds(0))).count();
  std::printf("%s: %.1f s, decoded by %s\n", path.c_str(), duration, first_thorough.decoder.c_str());
  std::printf("  decode %.0f ms, tower %.1f ms a picture\n", median(decode) * 1e3, median(tower) * 1e3 / kPictures);
  std::printf("  thorough %.0f ms, %zu frames: %.2f of decode + 30 pictures (bar 1.20)\n", median(thorough) * 1e3,
              first_thorough.frames.size(), median(of_floor));
  std::printf("  keyframes %.0f ms, %zu frames, %s: %.2f of decode (bar 0.35 for 60 s)\n", median(keyframes) * 1e3,
              first_keyframes.frames.size(), to_string(first_keyframes.method), median(of_decode));
  std::printf("  peak memory over the model %.0f MB (bar 400)\n", *std::ranges::max_element(peak));
  std::printf("  cosine of keyframes to thorough %.4f (bar 0.98)\n",
              cosine(first_keyframes.vector, first_thorough.vector));
  std::printf("  shots without a frame %d (bar 0); the same frames every time: %s\n",
              shots_without_a_frame(first_thorough, duration), same ? "yes" : "NO");
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc < 3) give_up("usage: video MODEL_DIR FILE... [ROUNDS]");
  const int last = std::atoi(argv[argc - 1]);
  const int rounds = last > 0 ? last : 3;
  const std::string model = argv[1];
  const auto engine = shared_engine({.model = model, .tower = {}});
  if (!engine) give_up(engine.error().message);
  std::printf("%s, %s, %d rounds\n", to_string((*engine)->info().precision), (*engine)->info().device.c_str(), rounds);
  for (int i = 2; i < (last > 0 ? argc - 1 : argc); ++i) measure(argv[i], model, **engine, rounds);
  return 0;
}
