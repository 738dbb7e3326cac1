#include "tools/media/chosen_frames.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clipembed {
namespace {

void add_time(std::optional<std::chrono::nanoseconds>& sum, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) sum = sum.value_or(std::chrono::nanoseconds(0)) + *time;
}

std::chrono::nanoseconds to_chrono(GstClockTime stream_time) {
  return std::chrono::nanoseconds(GST_CLOCK_TIME_IS_VALID(stream_time) ? stream_time : 0);
}

FrameScore::Begins beginning(const std::string& transition) {
  if (transition == "cut") return FrameScore::Begins::kCut;
  return transition.empty() ? FrameScore::Begins::kNothing : FrameScore::Begins::kGradual;
}

}  // namespace

void ChosenFrames::see(GstMessage* message) {
  if (auto selection = read_selection(message)) {
    see_selection(*std::move(selection));
  } else if (auto embedding = read_embedding(message)) {
    see_embedding(*std::move(embedding));
  }
}

void ChosenFrames::see_selection(SelectMessage selection) {
  switch (selection.kind) {
    case SelectMessage::Kind::kChosen: {
      const GstClockTime timestamp = selection.timestamp;
      selected_.insert_or_assign(timestamp, std::move(selection));
      break;
    }
    case SelectMessage::Kind::kScore:
      scores_.push_back({.time = to_chrono(selection.stream_time),
                         .change = selection.change.value_or(0),
                         .begins = beginning(selection.transition)});
      break;
    case SelectMessage::Kind::kSummary:
      if (selection.shots) shots_ = static_cast<unsigned>(*selection.shots);
      break;
  }
}

void ChosenFrames::see_embedding(EmbeddingMessage embedding) {
  ChosenFrame frame{.time = to_chrono(embedding.stream_time),
                    .reason = std::move(embedding.reason),
                    .scene = embedding.scene,
                    .score = embedding.score,
                    .entropy = embedding.entropy,
                    .embedding = std::move(embedding.vector)};
  if (auto selected = selected_.extract(embedding.timestamp)) {
    frame.reason = std::move(selected.mapped().reason);
    frame.scene = selected.mapped().scene;
    frame.score = selected.mapped().score;
    frame.entropy = selected.mapped().entropy;
  }
  frames_.push_back(std::move(frame));
  add_time(timings_.preprocess, embedding.timings.preprocess);
  add_time(timings_.queued, embedding.timings.queued);
  add_time(timings_.inference, embedding.timings.inference);
}

void ChosenFrames::take(MediaEmbedding& video) {
  std::ranges::stable_sort(frames_, {}, &ChosenFrame::time);
  video.frames = std::exchange(frames_, {});
  video.scores = std::exchange(scores_, {});
  video.scene_count = shots_;
  video.timings = timings_;
}

std::vector<float> mean_vector(const std::vector<ChosenFrame>& frames, bool normalize) {
  std::vector<double> sum(frames.front().embedding.size());
  for (const ChosenFrame& frame : frames)
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(frame.embedding[i]);
  double divisor = static_cast<double>(frames.size());
  if (normalize) {
    double square = 0;
    for (double value : sum) square += value * value;
    if (square > 0) divisor = std::sqrt(square);
  }
  std::vector<float> mean;
  mean.reserve(sum.size());
  for (double value : sum) mean.push_back(static_cast<float>(value / divisor));
  return mean;
}

}  // namespace clipembed
