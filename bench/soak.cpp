// Whether anything grows: build/bench/soak MODEL_DIR [MINUTES] [SEED]
//
// Eight streams in one process share an engine while random things happen to them: seeks, caps changes, restarts,
// pauses. Prints resident memory each minute, and at the end its growth: a fifth of the time is warm-up, and the means
// of the two halves of the rest are compared, as memory goes up and down with the sizes of the frames. Fails where that
// is 1% or more, where a stream has posted an error, or where no frames come any more.
#include <gst/gst.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "bench/measure.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int kStreams = 8;

struct Mean {
  double sum = 0;
  long count = 0;

  void add(double value) { sum += value, ++count; }
  double value() const { return sum / static_cast<double>(count); }
};

struct Stream {
  GstElement* pipeline;
  GstElement* filter;
  GstElement* embed;
};

Stream make_stream(const std::string& model, int number) {
  static const char* const kSettings[] = {"", "overload=skip", "batch-size=4 trigger=interval interval=300000000",
                                          "augment=flip"};
  const std::string line = "videotestsrc is-live=" + std::string(number % 2 ? "true" : "false") +
                           " ! capsfilter name=filter caps-change-mode=delayed "
                           "caps=video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! "
                           "clipembed name=embed " +
                           kSettings[number % 4] + " model=" + model + " ! videoconvert ! fakesink sync=true";
  GError* error = nullptr;
  GstElement* pipeline = gst_parse_launch(line.c_str(), &error);
  if (!pipeline) {
    std::fprintf(stderr, "soak: %s\n", error->message);
    std::exit(1);
  }
  return {pipeline, gst_bin_get_by_name(GST_BIN(pipeline), "filter"), gst_bin_get_by_name(GST_BIN(pipeline), "embed")};
}

// The filter takes the old caps until upstream has seen the new ones; otherwise it may refuse those on their way.
void change_caps(Stream& stream, std::mt19937& random) {
  static const char* const kFormats[] = {"I420", "NV12", "RGB", "BGRx", "GRAY8", "I420_10LE"};
  const int width = 16 + int(random() % 40) * 16, height = 16 + int(random() % 30) * 16;
  GstCaps* caps = gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, kFormats[random() % std::size(kFormats)],
                                      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate",
                                      GST_TYPE_FRACTION, 15, 1, nullptr);
  g_object_set(stream.filter, "caps", caps, nullptr);
  gst_caps_unref(caps);
}

// Flushing, because videotestsrc may hold a seek that does not flush back for a minute, with a mere `queue` behind it
// too; the tests have those.
void seek(Stream& stream, std::mt19937& random) {
  const double rate = random() % 4 ? 1.0 : 2.0;
  gst_element_seek(stream.pipeline, rate, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                   (random() % 100) * GST_SECOND, GST_SEEK_TYPE_NONE, 0);
}

void disturb(Stream& stream, std::mt19937& random) {
  switch (random() % 5) {
    case 0:
      return change_caps(stream, random);
    case 1:
      gst_element_set_state(stream.pipeline, GST_STATE_NULL);
      break;
    case 2:
      gst_element_set_state(stream.pipeline, GST_STATE_PAUSED);
      break;
    default:
      return seek(stream, random);
  }
  gst_element_set_state(stream.pipeline, GST_STATE_PLAYING);
}

// Of all messages so far: the number of embeddings; ends the program at an error.
long drain_bus(Stream& stream) {
  GstBus* bus = gst_element_get_bus(stream.pipeline);
  long embeddings = 0;
  while (GstMessage* message = gst_bus_pop(bus)) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gchar* detail = nullptr;
      gst_message_parse_error(message, &error, &detail);
      std::fprintf(stderr, "soak: %s (%s)\n", error->message, detail ? detail : "");
      std::exit(1);
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) ++embeddings;
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return embeddings;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: soak MODEL_DIR [MINUTES] [SEED]\n");
    return 2;
  }
  gst_init(nullptr, nullptr);
  const double minutes = argc > 2 ? std::atof(argv[2]) : 30;
  std::mt19937 random(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1);

  std::vector<Stream> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(make_stream(argv[1], i));
  for (Stream& stream : streams) gst_element_set_state(stream.pipeline, GST_STATE_PLAYING);

  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count() / 60; };
  Mean first_half, second_half;
  double resident = 0;
  long embeddings = 0, disturbances = 0, minute = 0;
  while (elapsed() < minutes) {
    g_usleep(20000);
    disturb(streams[random() % kStreams], random);
    ++disturbances;
    for (Stream& stream : streams) embeddings += drain_bus(stream);
    resident = status_megabytes("VmRSS");
    const double progress = elapsed() / minutes;
    if (progress >= 0.2) (progress < 0.6 ? first_half : second_half).add(resident);
    if (long(elapsed()) > minute) {
      std::printf("%ld min: resident %.1f MB, %ld disturbances, %ld embeddings\n", ++minute, resident, disturbances,
                  embeddings);
      std::fflush(stdout);
    }
  }
  for (Stream& stream : streams) {
    gst_element_set_state(stream.pipeline, GST_STATE_NULL);
    gst_object_unref(stream.filter);
    gst_object_unref(stream.embed);
    gst_object_unref(stream.pipeline);
  }
  const double growth = 100 * (second_half.value() / first_half.value() - 1);
  std::printf(
      "%.0f min, %ld disturbances, %ld embeddings: resident %.1f MB, then %.1f MB in the mean, %+.2f%% (bar 1%%)\n",
      minutes, disturbances, embeddings, first_half.value(), second_half.value(), growth);
  return growth < 1 && embeddings > 0 ? 0 : 1;
}
