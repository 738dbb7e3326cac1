// Decoded pictures of any sizes in, their vectors out, through one pipeline for all files, so that the element batches
// pictures of different files:
//
//   embed(), any thread -> PipelineTexts::still -> `clip-embedding` -> completion, in the streaming thread
//
// A picture is known by its timestamp: the n-th has n ns. appsrc is never full; ByteBudget is what bounds it.
#pragma once

#include <gst/gst.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "lib/result.h"
#include "tools/gobject_ptr.h"
#include "tools/media/embedder.h"
#include "tools/media/media_embedding.h"
#include "tools/media/pipeline_text.h"
#include "tools/media/still_image.h"

namespace clipembed {

class PicturePipeline {
 public:
  using Completion = std::function<void(Result<MediaEmbedding>)>;

  // `text` is PipelineTexts::still, or one like it.
  explicit PicturePipeline(EmbedderSettings settings, std::string text = PipelineTexts().still)
      : settings_(std::move(settings)), text_(std::move(text)) {}
  // Completes what is under way with kCancelled.
  ~PicturePipeline();

  // `done` is called exactly once, on any thread, also before embed() returns; it must not call embed(). When the
  // pipeline fails, all pictures in it fail with its error, and the next one starts it anew.
  void embed(StillImage image, Completion done);

  // No more pictures will come: the last batch need not wait to fill up. Does not block.
  void finish();

 private:
  Status start();
  void stop();
  void fail_all(const Error& error);
  static GstBusSyncReply on_message(GstBus*, GstMessage* message, gpointer self);

  struct Waiting {
    std::chrono::nanoseconds decode;
    Completion done;
  };

  const EmbedderSettings settings_;
  const std::string text_;

  std::mutex pipeline_mutex_;        // held while the pipeline is started, fed or stopped; taken first
  GObjectPtr<GstElement> pipeline_;  // guarded by pipeline_mutex_
  GObjectPtr<GstElement> source_;    // guarded by pipeline_mutex_

  std::mutex waiting_mutex_;                            // never held while calling out
  std::unordered_map<std::uint64_t, Waiting> waiting_;  // by timestamp; guarded by waiting_mutex_
  std::uint64_t next_timestamp_ = 0;                    // guarded by waiting_mutex_
  std::optional<Error> failure_;                        // of the running pipeline; guarded by waiting_mutex_
};

}  // namespace clipembed
