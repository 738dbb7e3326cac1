// Stands between decoding and choosing: every decoded frame passes it, or does not.
//
//   thorough    all frames go on to clipselect
//   keyframes   the best key frame of each part of the video goes past clipselect, then the frames at given times do.
//               Seeks concern the decoder only: flushes and ends of passes stop here, so that frames which wait for
//               their embedding stay.
//
// It decides for one of the two when the first frame comes, and asks the thread that runs the pipeline by element
// messages (TapMessage) for what a streaming thread cannot do itself.
//
// Threads: the probe runs in the streaming thread; what is said of each function is who may call it.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "gst/frame_format.h"
#include "tools/gobject_ptr.h"
#include "tools/media/deadline.h"
#include "tools/media/key_frame_choice.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

// A frame that went past what chooses.
struct PassedFrame {
  std::chrono::nanoseconds time{}, end{};  // stream time
  bool key_frame = true;                   // or one that fills a gap
  double score = 0, entropy = 0;           // as clipselect's
};

enum class TapMessage {
  kSeekKeyFrames,  // seek_key_frames() is to be called
  kPassOver,       // a pass through key frames or given times has ended
  kTooLong,        // longer than max_duration
  kTooLarge,       // frames of more than max_pixels
};
std::optional<TapMessage> read_tap_message(GstMessage* message);

class FrameTap {
 public:
  // `pad`: the sink pad that the decoder's frames reach first. `past`: the source pad of what chooses, which key frames
  // leave from; nullptr: nothing chooses, and sampling is thorough.
  FrameTap(GObjectPtr<GstPad> pad, GObjectPtr<GstPad> past, const MediaOptions& options, Deadline& deadline);
  // The pipeline has stopped.
  ~FrameTap();

  // The thread that runs the pipeline, when asked to, or after a pass is over. False where the stream refuses.
  bool seek_key_frames();
  bool seek_times(std::vector<std::chrono::nanoseconds> times);
  // Ends the stream for what is downstream, whatever upstream does; nothing passes any more.
  void finish();

  // Any thread.
  std::uint64_t frames() const { return frames_; }  // decoded
  std::chrono::nanoseconds position() const { return std::chrono::nanoseconds(position_); }
  std::chrono::nanoseconds end() const { return std::chrono::nanoseconds(end_); }  // of the last frame so far
  std::optional<std::chrono::nanoseconds> duration() const;
  Sampling sampling() const { return sampling_; }  // kAuto until the first frame
  // keyframes: where frames are still missing after the pass over key frames; in thorough mode nowhere.
  std::vector<std::vector<std::chrono::nanoseconds>> gaps() const;
  // keyframes: what was let through, in the order it was; and whether a frame was not to be had.
  std::vector<PassedFrame> passed() const;
  bool missing() const { return missing_; }

 private:
  enum class State { kFirstFrame, kThorough, kSeeking, kKeyFrames, kTimes, kOver };
  enum class Verdict { kPass, kDrop, kStop };  // kStop: upstream need not decode any more, until the next seek
  using Lock = std::unique_lock<std::mutex>;

  static GstPadProbeReturn on_data(GstPad*, GstPadProbeInfo* info, gpointer self);
  GstPadProbeReturn see_event(GstEvent* event);
  Verdict see_frame(GstBuffer* buffer);
  Verdict judge(Lock& lock, GstBuffer* buffer, std::chrono::nanoseconds time, std::chrono::nanoseconds end);
  void see_caps(GstEvent* event);
  void decide();
  bool keyframes_wanted(std::chrono::nanoseconds duration) const;
  void consider(Lock& lock, GstBuffer* buffer, const PassedFrame& frame);
  void release_best(Lock& lock);
  void pass(Lock& lock, GstBuffer* buffer, const PassedFrame& frame);
  PassedFrame look_at(GstBuffer* buffer, std::chrono::nanoseconds time, std::chrono::nanoseconds end) const;
  bool seek(GstSeekFlags flags, std::chrono::nanoseconds start, State then);
  void post(TapMessage message);

  const GObjectPtr<GstPad> pad_;
  const GObjectPtr<GstPad> past_;
  const MediaOptions& options_;
  Deadline& deadline_;
  gulong probe_ = 0;

  std::atomic<std::uint64_t> frames_ = 0;
  std::atomic<std::int64_t> position_ = 0, end_ = 0, duration_ = 0;  // 0: unknown
  std::atomic<Sampling> sampling_ = Sampling::kAuto;
  std::atomic<bool> missing_ = false;

  // Streaming thread.
  GstSegment segment_;
  std::optional<FrameFormat> format_;

  // Held for short, never while anything is pushed, posted or sent. Functions that take the lock may let it go for
  // that.
  mutable std::mutex mutex_;
  State state_ = State::kFirstFrame;        // guarded by mutex_
  State after_flush_ = State::kFirstFrame;  // what a flush changes it to; guarded by mutex_
  std::optional<VideoParts> parts_;         // keyframes; guarded by mutex_
  struct Best {
    BufferPtr buffer;
    PassedFrame frame;
  } best_;                                       // of the newest part; guarded by mutex_
  std::vector<PassedFrame> passed_;              // guarded by mutex_
  std::vector<std::chrono::nanoseconds> times_;  // to come, the last one first; guarded by mutex_
};

}  // namespace clipembed
