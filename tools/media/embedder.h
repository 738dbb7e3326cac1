// The `clipembed` element as the tool uses it: how it is set up, and what its messages say. The vectors are those that
// gst-launch prints, because they come out of the same element.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace clipembed {

// The element's properties of these names.
struct EmbedderSettings {
  std::string model;  // empty: the default one, or what the server serves
  std::string device = "auto";
  std::string precision = "auto";
  bool normalize = true;
  std::string augment = "none";
  std::string engine = {};  // "unix:PATH" of an engine server; empty: in this process
  unsigned batch_size = 0;  // 0: the element's default
};

void configure_embedder(GstElement* clipembed, const EmbedderSettings& settings);

// Where the time of a file went, as far as it is known: of a still image for itself, of a video in sum over its frames.
struct Timings {
  std::optional<std::chrono::nanoseconds> decode, preprocess, queued, inference;
};

// `clip-embedding`: a frame and its vector.
struct EmbeddingMessage {
  std::vector<float> vector;
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;  // of the buffer
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  std::string reason;
  std::optional<int> scene;
  std::optional<double> score, entropy;
  Timings timings;
};

// nullopt for any other message.
std::optional<EmbeddingMessage> read_embedding(GstMessage* message);

// What clipselect says; each field is absent where it says nothing of it, or nothing at all.
struct SelectMessage {
  enum class Kind { kChosen, kScore, kSummary } kind = Kind::kChosen;  // clip-select, clip-score, clip-select-summary
  GstClockTime timestamp = GST_CLOCK_TIME_NONE;
  GstClockTime stream_time = GST_CLOCK_TIME_NONE;
  std::string reason;      // why the frame was chosen
  std::string transition;  // how a shot begins with it: cut or gradual
  std::optional<int> scene;
  std::optional<double> score, entropy, change;
  std::optional<int> shots;  // in all, in a summary
};
std::optional<SelectMessage> read_selection(GstMessage* message);

}  // namespace clipembed
