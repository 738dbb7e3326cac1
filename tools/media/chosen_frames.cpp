#include "tools/media/chosen_frames.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace clipembed {
namespace {

void add_time(std::optional<std::chrono::nanoseconds>& sum, const std::optional<std::chrono::nanoseconds>& time) {
  if (time) sum = sum.value_or(std::chrono::nanoseconds(0)) + *time;
}

std::chrono::nanoseconds frame_time(const EmbeddingMessage& embedding) {
  const bool known = GST_CLOCK_TIME_IS_VALID(embedding.stream_time);
  return std::chrono::nanoseconds(known ? embedding.stream_time : 0);
}

}  // namespace

void ChosenFrames::see(GstMessage* message) {
  if (auto selection = read_selection(message)) {
    const GstClockTime timestamp = selection->timestamp;
    selected_.insert_or_assign(timestamp, *std::move(selection));
    return;
  }
  auto embedding = read_embedding(message);
  if (!embedding) return;
  ChosenFrame frame{.time = frame_time(*embedding),
                    .reason = std::move(embedding->reason),
                    .scene = embedding->scene,
                    .score = embedding->score,
                    .entropy = {},
                    .embedding = std::move(embedding->vector),
                    .picture = {}};
  if (auto selected = selected_.extract(embedding->timestamp)) {
    frame.reason = std::move(selected.mapped().reason);
    frame.scene = selected.mapped().scene;
    frame.score = selected.mapped().score;
    frame.entropy = selected.mapped().entropy;
  }
  frames_.push_back(std::move(frame));
  add_time(timings_.preprocess, embedding->timings.preprocess);
  add_time(timings_.queued, embedding->timings.queued);
  add_time(timings_.inference, embedding->timings.inference);
}

std::vector<ChosenFrame> ChosenFrames::take() {
  std::ranges::stable_sort(frames_, {}, &ChosenFrame::time);
  return std::exchange(frames_, {});
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
