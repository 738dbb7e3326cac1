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

struct EmbedderSettings {
  std::string model;
  std::string device = "auto";
  std::string precision = "auto";
  bool normalize = true;
};

void configure_embedder(GstElement* clipembed, const EmbedderSettings& settings);

// Where the time of a file went, as far as it is known: of a still image for itself, of a video in sum over its frames.
struct Timings {
  std::optional<std::chrono::nanoseconds> decode, preprocess, queued, inference;
};

struct EmbeddingMessage {
  std::vector<float> vector;    // empty in a summary of no frames
  std::uint64_t timestamp = 0;  // of the frame, in nanoseconds; 0 in a summary
  std::uint64_t frames = 1;
  Timings timings;
};

// nullopt for any message but `clip-embedding` and `clip-summary` respectively.
std::optional<EmbeddingMessage> read_embedding(GstMessage* message);
std::optional<EmbeddingMessage> read_summary(GstMessage* message);

}  // namespace clipembed
