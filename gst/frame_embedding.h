// The embedding of a frame out of those of its views: one where clipembed:augment is none, several otherwise. Values
// only; whoever holds one guards it.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "lib/engine/engine.h"

namespace clipembed {

// Divides by the Euclidean norm; a vector of zeros stays as it is.
void l2_normalise(std::span<float> values);

struct FrameEmbedding {
  std::vector<float> values{};            // unit length where normalised
  std::chrono::nanoseconds queued{};      // the longest wait of its views
  std::chrono::nanoseconds inference{};   // its share of what its batches took
  std::chrono::nanoseconds batch_time{};  // the longest of these batches as a whole
  int views = 0;                          // added so far
  double batches = 0;                     // its share of them: each view counts 1/n of a batch of n

  // One more view, as the engine gives it. `normalize`: the mean is that of unit vectors, and of unit length itself.
  void add_view(const Embedding& view, bool normalize);
  // Once all are there.
  void finish(bool normalize);
};

}  // namespace clipembed
