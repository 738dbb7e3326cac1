// One pipeline, run to its end: the frames it embedded, and what went wrong on the way. The calling thread waits for
// messages; the streaming threads are GStreamer's.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/result.h"
#include "tools/gobject_ptr.h"
#include "tools/media/chosen_frames.h"
#include "tools/media/deadline.h"
#include "tools/media/embedder.h"
#include "tools/media/frame_pictures.h"
#include "tools/media/frame_tap.h"
#include "tools/media/media_embedding.h"
#include "tools/media/media_file.h"

namespace clipembed {

struct VideoOutcome {
  Result<MediaEmbedding> result;
  // With an error or a warning: the decoder that failed, where another one may be tried, and what it said.
  std::string failed_decoder = {};
  std::string failure = {};
  bool keyframes_failed = false;  // with an error: sampling=thorough may work
};

class VideoRun {
 public:
  // The arguments must outlive it. `without`: decoders that have failed.
  VideoRun(const MediaFile& file, const MediaOptions& options, const EmbedderSettings& settings, Deadline& deadline,
           const std::vector<std::string>& without)
      : file_(file), options_(options), settings_(settings), deadline_(deadline), without_(without) {}
  ~VideoRun();

  VideoOutcome run(const ProgressCallback& progress);

 private:
  Status start();
  Status build();
  GObjectPtr<GstElement> element(const char* name) const {
    return GObjectPtr<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }
  void report(const ProgressCallback& progress);

  // These return the end, or nullopt to go on.
  std::optional<Status> look_for_life();
  std::optional<Status> handle(GstMessage* message);
  std::optional<Status> obey(TapMessage message);
  std::optional<Status> fill_next_gap();
  std::optional<Status> see_error(GstMessage* message);
  std::optional<Error> check_streams(GstMessage* message) const;
  Error too_large(const std::string& what) const;

  bool is_downstream(GstMessage* message) const;
  void note_decoder(GstMessage* message);
  void note_missing_plugin(GstMessage* message);
  Error error_of(GstMessage* message) const;
  Error unusable(Error::Kind kind, const std::string& why) const { return Error{kind, file_.name() + ": " + why}; }

  MediaEmbedding embedding();
  void describe_key_frames(std::vector<ChosenFrame>& frames) const;
  std::string end_warning() const;

  const MediaFile& file_;
  const MediaOptions& options_;
  const EmbedderSettings& settings_;
  Deadline& deadline_;
  const std::vector<std::string>& without_;

  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point reported_{};
  std::atomic<std::uint64_t> reads_ = 0;  // from the file
  std::uint64_t reads_seen_ = 0;          // when there was last a sign of life before the first frame
  std::chrono::steady_clock::time_point alive_{};
  GObjectPtr<GstElement> pipeline_;
  std::optional<FrameTap> tap_;
  std::optional<FramePictures> pictures_;
  ChosenFrames frames_;

  std::optional<std::vector<std::vector<std::chrono::nanoseconds>>> gaps_;  // to fill, once key frames are through
  std::size_t next_gap_ = 0;
  bool ending_ = false;         // EOS was sent, as no more frames are wanted or can be had
  std::string warning_;         // the first
  std::string missing_plugin_;  // what GStreamer says it lacks
  std::string failed_decoder_, failure_;
};

}  // namespace clipembed
