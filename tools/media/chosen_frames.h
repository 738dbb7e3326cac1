// Collects the frames of one video as the pipeline's messages tell of them, and makes one vector of theirs. Values
// only; one thread.
#pragma once

#include <gst/gst.h>

#include <map>
#include <vector>

#include "tools/media/embedder.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

class ChosenFrames {
 public:
  // Takes `clip-select` and `clip-embedding`, in any order; leaves other messages. What clipselect says of a frame
  // counts more than what clipembed does, because elements between them may drop the mark that carries it.
  void see(GstMessage* message);

  std::size_t size() const { return frames_.size(); }
  const Timings& timings() const { return timings_; }  // sums
  // The frames by time; leaves none.
  std::vector<ChosenFrame> take();

 private:
  std::map<GstClockTime, SelectMessage> selected_;  // by timestamp, until the embedding comes
  std::vector<ChosenFrame> frames_;
  Timings timings_;
};

// The mean of the frames' vectors; `normalize`: divided by its length. Precondition: there is a frame, and all vectors
// are of one size.
std::vector<float> mean_vector(const std::vector<ChosenFrame>& frames, bool normalize);

}  // namespace clipembed
