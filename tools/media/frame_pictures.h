// Small pictures of the frames that reach clipembed, and the size of the video as it is shown. Taken in the streaming
// thread, asked for once the pipeline has ended.
#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <map>
#include <mutex>
#include <optional>

#include "tools/gobject_ptr.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

class FramePictures {
 public:
  // No more are kept: where there are more frames, every second picture goes, and every second frame gets none.
  static constexpr std::size_t kMaxKept = 512;

  // `pad`: clipembed's sink pad, whose frames are upright. `side`: of the longer side, in pixels; 0: no pictures.
  FramePictures(GObjectPtr<GstPad> pad, unsigned side);
  ~FramePictures();

  // Of the frame with that stream time; empty where there is none.
  FramePicture take(std::chrono::nanoseconds time);
  // With square pixels; 0 before the first frame.
  int width() const;
  int height() const;

 private:
  static GstPadProbeReturn on_data(GstPad*, GstPadProbeInfo* info, gpointer self);
  void set_caps(GstEvent* event);
  void paint(GstBuffer* buffer);
  void thin_out();

  const GObjectPtr<GstPad> pad_;
  const unsigned side_;
  gulong probe_ = 0;

  // Streaming thread.
  GstSegment segment_;
  std::optional<GstVideoInfo> from_, to_;
  std::uint64_t frames_ = 0;  // seen
  std::uint64_t stride_ = 1;  // of them, one in so many is painted

  mutable std::mutex mutex_;
  int width_ = 0, height_ = 0;                                 // guarded by mutex_
  std::map<std::chrono::nanoseconds, FramePicture> pictures_;  // guarded by mutex_
};

}  // namespace clipembed
