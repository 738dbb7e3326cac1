// What the element costs, and what sharing an engine saves: build/bench/pipeline MODEL_DIR [ROUNDS]
//
//   engine     pictures of the model's size handed straight to the engine, at batch 8
//   pipeline   640x480 I420 frames through `appsrc ! clipembed batch-size=8 ! fakesink`, beside it in the same round
//   streams    1 to 8 live streams of 5 frames a second in one process: resident memory and frames a batch
//
// Prints the medians of the rounds; the pipeline's share of the engine is the bar of 0.95.
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/engine_time.h"
#include "bench/measure.h"
#include "lib/engine/engine.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kBatch = 8;
constexpr int kImages = 12 * kBatch;
constexpr int kStreams = 8;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "pipeline: %s\n", message.c_str());
  std::exit(1);
}

GstElement* launch(const std::string& line) {
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (!pipeline || error) fail(error->message);
  return pipeline;
}

// Waits for EOS; gives the element's message of this name, if there was one. Transfer full.
GstMessage* wait_for_eos(GstElement* pipeline, const char* name) {
  GstBus* bus = gst_element_get_bus(pipeline);
  GstMessage* found = nullptr;
  constexpr auto kTypes = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);
  while (GstMessage* message = gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, kTypes)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      fail(error->message);
    }
    const bool eos = GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
    if (!eos && gst_structure_has_name(gst_message_get_structure(message), name)) {
      if (found) gst_message_unref(found);
      found = message;
      continue;
    }
    gst_message_unref(message);
    if (eos) break;
  }
  gst_object_unref(bus);
  return found;
}

double pipeline_images_per_second(const std::string& model) {
  GstElement* pipeline = launch(
      "appsrc name=src format=time block=true max-buffers=16 max-bytes=0 ! "
      "video/x-raw,format=I420,width=640,height=480,framerate=30/1 ! clipembed batch-size=8 "
      "model=" +
      model + " ! fakesink sync=false");
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "src");
  gst_element_set_state(pipeline, GST_STATE_PAUSED);  // loads the model, or finds it loaded
  constexpr std::size_t kBytes = 640 * 480 * 3 / 2;
  const auto start = Clock::now();
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (int i = 0; i < kImages; ++i) {
    GstBuffer* buffer = gst_buffer_new_allocate(nullptr, kBytes, nullptr);
    gst_buffer_memset(buffer, 0, std::uint8_t(i), kBytes);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(i, GST_SECOND, 30);
    gst_app_src_push_buffer(GST_APP_SRC(source), buffer);
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source));
  GstMessage* summary = wait_for_eos(pipeline, "clip-summary");
  const double rate = kImages / seconds_since(start);
  if (summary) gst_message_unref(summary);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(source);
  gst_object_unref(pipeline);
  return rate;
}

struct Streams {
  double resident_megabytes;
  double frames_a_batch;
};

Streams run_streams(const std::string& model, int count) {
  std::string line;
  for (int i = 0; i < count; ++i) {
    line +=
        "videotestsrc is-live=true num-buffers=25 ! video/x-raw,format=I420,width=640,height=480,framerate=5/1 ! "
        "clipembed batch-timeout=100000000 model=" +
        model + " ! fakesink ";
  }
  GstElement* pipeline = launch(line);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage* summary = wait_for_eos(pipeline, "clip-summary");
  Streams streams{status_megabytes("VmRSS"), 0};
  if (summary) {
    gst_structure_get_double(gst_message_get_structure(summary), "mean-batch-size", &streams.frames_a_batch);
    gst_message_unref(summary);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return streams;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: pipeline MODEL_DIR [ROUNDS]\n");
    return 2;
  }
  gst_init(nullptr, nullptr);
  const std::string model = argv[1];
  const int rounds = argc > 2 ? std::max(1, std::atoi(argv[2])) : 5;

  const auto engine = clipembed::shared_engine({.model = model, .tower = {}});
  if (!engine) fail(engine.error().message);
  engine_seconds(**engine, kImages);  // the first batches are slower
  std::vector<double> raw, piped, share;
  for (int round = 0; round < rounds; ++round) {
    raw.push_back(kImages / engine_seconds(**engine, kImages));
    piped.push_back(pipeline_images_per_second(model));
    share.push_back(piped.back() / raw.back());
  }
  std::printf("batch 8, %s: engine %.1f images/s, pipeline (640x480 I420) %.1f, share %.2f (bar 0.95)\n",
              to_string((*engine)->info().precision), median(raw), median(piped), median(share));

  double one = 0;
  for (int count = 1; count <= kStreams; count *= 2) {
    const Streams streams = run_streams(model, count);
    if (count == 1) one = streams.resident_megabytes;
    std::printf("%d streams of 5 fps: resident %.0f MB, %+.1f MB a further stream (bar 30), %.1f frames a batch\n",
                count, streams.resident_megabytes, count == 1 ? 0 : (streams.resident_megabytes - one) / (count - 1),
                streams.frames_a_batch);
  }
}
