// Collects the frames of one video as the pipeline's messages tell of them, and makes one vector of theirs. Values
// only; one thread.
#pragma once

#include <gst/gst.h>

#include <map>
#include <optional>
#include <vector>

#include "tools/media/embedder.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

class ChosenFrames {
 public:
  // Takes what clipselect and clipembed say of frames; leaves other messages. What clipselect says of a frame counts
  // more than what clipembed repeats, because elements between them may drop the mark that carries it.
  void see(GstMessage* message);

  std::size_t size() const { return frames_.size(); }
  // The results, by time; leaves none.
  void take(MediaEmbedding& video);

 private:
  void see_selection(SelectMessage selection);
  void see_embedding(EmbeddingMessage embedding);

  std::map<GstClockTime, SelectMessage> selected_;  // by timestamp, until the embedding comes
  std::vector<ChosenFrame> frames_;
  std::vector<FrameScore> scores_;
  std::optional<unsigned> shots_;
  Timings timings_;
};

// The mean of the frames' vectors; `normalize`: divided by its length. Precondition: there is a frame, and all vectors
// are of one size.
std::vector<float> mean_vector(const std::vector<ChosenFrame>& frames, bool normalize);

}  // namespace clipembed
