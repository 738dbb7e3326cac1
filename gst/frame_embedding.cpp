#include "gst/frame_embedding.h"

#include <algorithm>
#include <cmath>

namespace clipembed {

void l2_normalise(std::span<float> values) {
  double squares = 0;
  for (float value : values) squares += double{value} * value;
  if (squares == 0) return;
  const double scale = 1 / std::sqrt(squares);
  for (float& value : values) value = static_cast<float>(value * scale);
}

void FrameEmbedding::add_view(const Embedding& view, bool normalize) {
  std::vector<float> added = view.values;
  if (normalize) l2_normalise(added);
  values.resize(added.size());
  for (std::size_t i = 0; i < added.size(); ++i) values[i] += added[i];
  ++views;
  queued = std::max(queued, view.queued);
  inference += view.inference / view.batch;
  batch_time = std::max(batch_time, view.inference);
  batches += 1.0 / view.batch;
}

void FrameEmbedding::finish(bool normalize) {
  if (views <= 1) return;  // not a bit of a single view changes
  for (float& value : values) value /= static_cast<float>(views);
  if (normalize) l2_normalise(values);
}

}  // namespace clipembed
