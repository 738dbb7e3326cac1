#include "tools/media/frame_tap.h"

#include <algorithm>
#include <utility>

#include "lib/video/thumbnail.h"

namespace clipembed {
namespace {

using std::chrono::nanoseconds;

// Up to here decoding everything takes seconds: docs/performance.md, "Videos".
constexpr nanoseconds kThoroughDuration = std::chrono::minutes(2);
constexpr nanoseconds kUnknownFrameDuration = std::chrono::milliseconds(40);

constexpr char kMessage[] = "clipembed-tap";

nanoseconds to_chrono(GstClockTime time) { return nanoseconds(static_cast<std::int64_t>(time)); }

}  // namespace

std::optional<TapMessage> read_tap_message(GstMessage* message) {
  if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_APPLICATION || !gst_message_has_name(message, kMessage))
    return std::nullopt;
  int what = 0;
  gst_structure_get_int(gst_message_get_structure(message), "what", &what);
  return static_cast<TapMessage>(what);
}

FrameTap::FrameTap(GObjectPtr<GstPad> pad, GObjectPtr<GstPad> past, const MediaOptions& options, Deadline& deadline)
    : pad_(std::move(pad)), past_(std::move(past)), options_(options), deadline_(deadline) {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  probe_ = gst_pad_add_probe(pad_.get(),
                             static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_FLUSH |
                                                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                             on_data, this, nullptr);
}

FrameTap::~FrameTap() { gst_pad_remove_probe(pad_.get(), probe_); }

std::optional<nanoseconds> FrameTap::duration() const {
  const std::int64_t duration = duration_;
  return duration > 0 ? std::optional(nanoseconds(duration)) : std::nullopt;
}

std::vector<std::vector<nanoseconds>> FrameTap::gaps() const {
  std::lock_guard lock(mutex_);
  if (!parts_) return {};
  std::vector<nanoseconds> times;
  times.reserve(passed_.size());
  for (const PassedFrame& frame : passed_) times.push_back(frame.time);
  std::ranges::sort(times);
  return parts_->gaps(times);
}

std::vector<PassedFrame> FrameTap::passed() const {
  std::lock_guard lock(mutex_);
  return passed_;
}

void FrameTap::post(TapMessage message) {
  GstStructure* structure = gst_structure_new(kMessage, "what", G_TYPE_INT, static_cast<int>(message), nullptr);
  g_autoptr(GstElement) element = gst_pad_get_parent_element(pad_.get());
  if (element) gst_element_post_message(element, gst_message_new_application(GST_OBJECT_CAST(element), structure));
}

// ---- the streaming thread ----

GstPadProbeReturn FrameTap::on_data(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto* self = static_cast<FrameTap*>(data);
  self->deadline_.feed();
  if (!(info->type & GST_PAD_PROBE_TYPE_BUFFER)) return self->see_event(GST_PAD_PROBE_INFO_EVENT(info));
  GstBuffer* buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const Verdict verdict = self->see_frame(buffer);
  if (verdict == Verdict::kPass) return GST_PAD_PROBE_OK;
  if (verdict == Verdict::kDrop) return GST_PAD_PROBE_DROP;
  gst_buffer_unref(buffer);
  GST_PAD_PROBE_INFO_DATA(info) = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
  return GST_PAD_PROBE_HANDLED;
}

GstPadProbeReturn FrameTap::see_event(GstEvent* event) {
  Lock lock(mutex_);
  const bool seeking = sampling_ == Sampling::kKeyframes;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START:
      return seeking ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    case GST_EVENT_FLUSH_STOP:
      if (seeking) state_ = after_flush_;
      return seeking ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    case GST_EVENT_EOS:
      if (state_ != State::kKeyFrames && state_ != State::kTimes)
        return state_ == State::kSeeking ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
      if (state_ == State::kTimes) missing_ = true;
      release_best(lock);
      state_ = State::kSeeking;
      lock.unlock();
      post(TapMessage::kPassOver);
      return GST_PAD_PROBE_DROP;
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event, &segment_);
      return GST_PAD_PROBE_OK;
    case GST_EVENT_CAPS:
      lock.unlock();
      see_caps(event);
      return GST_PAD_PROBE_OK;
    default:
      return GST_PAD_PROBE_OK;
  }
}

void FrameTap::see_caps(GstEvent* event) {
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  format_ = parse_frame_format(caps);
  if (!format_) return;
  const auto pixels =
      static_cast<std::uint64_t>(format_->info.width) * static_cast<std::uint64_t>(format_->info.height);
  if (pixels > options_.max_pixels) post(TapMessage::kTooLarge);
}

FrameTap::Verdict FrameTap::see_frame(GstBuffer* buffer) {
  const GstClockTime time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (frames_++ == 0) decide();
  const nanoseconds start = GST_CLOCK_TIME_IS_VALID(time) ? to_chrono(time) : nanoseconds(end_);
  const nanoseconds length =
      GST_BUFFER_DURATION_IS_VALID(buffer) ? to_chrono(GST_BUFFER_DURATION(buffer)) : kUnknownFrameDuration;
  position_ = start.count();
  end_ = std::max<std::int64_t>(end_, (start + length).count());
  const bool too_long = options_.max_duration.count() > 0 && start > options_.max_duration;
  Lock lock(mutex_);
  if (too_long && state_ != State::kOver) {
    state_ = State::kOver;
    lock.unlock();
    post(TapMessage::kTooLong);
    return Verdict::kStop;
  }
  return judge(lock, buffer, start, start + length);
}

// Called, and left, with the lock held.
FrameTap::Verdict FrameTap::judge(Lock& lock, GstBuffer* buffer, nanoseconds time, nanoseconds end) {
  if (state_ == State::kThorough || state_ == State::kFirstFrame) return Verdict::kPass;
  const bool filling = state_ == State::kTimes;
  if (!filling && state_ != State::kKeyFrames) return Verdict::kStop;
  if (filling && (times_.empty() || end <= times_.back())) return Verdict::kDrop;
  lock.unlock();
  PassedFrame frame = look_at(buffer, time, end);
  lock.lock();
  if (!filling) {
    consider(lock, buffer, frame);
    return Verdict::kDrop;
  }
  frame.key_frame = false;
  while (!times_.empty() && times_.back() < end) times_.pop_back();
  const bool over = times_.empty();
  if (over) state_ = State::kSeeking;
  pass(lock, buffer, frame);
  if (!over) return Verdict::kDrop;
  post(TapMessage::kPassOver);
  return Verdict::kStop;
}

// What is worth how much is asked of the stream once frames come: demuxers know it by then.
void FrameTap::decide() {
  gint64 duration = 0;
  if (gst_pad_peer_query_duration(pad_.get(), GST_FORMAT_TIME, &duration) && duration > 0) duration_ = duration;
  const bool keyframes = keyframes_wanted(nanoseconds(duration_));
  const bool too_long = options_.max_duration.count() > 0 && nanoseconds(duration_) > options_.max_duration;
  {
    Lock lock(mutex_);
    sampling_ = keyframes ? Sampling::kKeyframes : Sampling::kThorough;
    state_ = too_long ? State::kOver : keyframes ? State::kSeeking : State::kThorough;
    if (keyframes) parts_.emplace(nanoseconds(duration_), options_.frames);
  }
  if (too_long) {
    post(TapMessage::kTooLong);
  } else if (keyframes) {
    post(TapMessage::kSeekKeyFrames);
  }
}

bool FrameTap::keyframes_wanted(nanoseconds duration) const {
  if (!past_ || options_.sampling == Sampling::kThorough || duration.count() <= 0) return false;
  if (options_.sampling == Sampling::kAuto && duration < kThoroughDuration) return false;
  g_autoptr(GstQuery) query = gst_query_new_seeking(GST_FORMAT_TIME);
  gboolean seekable = FALSE;
  if (!gst_pad_peer_query(pad_.get(), query)) return false;
  gst_query_parse_seeking(query, nullptr, &seekable, nullptr, nullptr);
  return seekable;
}

PassedFrame FrameTap::look_at(GstBuffer* buffer, nanoseconds time, nanoseconds end) const {
  PassedFrame frame{.time = time, .end = end};
  if (!format_) return frame;
  const MappedFrame mapped(*format_, buffer);
  if (!mapped) return frame;
  const Salience salience = sketch_frame(mapped.view()).salience;
  frame.score = salience.score();
  frame.entropy = salience.entropy;
  return frame;
}

void FrameTap::consider(Lock& lock, GstBuffer* buffer, const PassedFrame& frame) {
  if (best_.buffer && parts_->part_of(best_.frame.time) != parts_->part_of(frame.time)) release_best(lock);
  if (!best_.buffer || frame.score > best_.frame.score) best_ = {BufferPtr(gst_buffer_ref(buffer)), frame};
}

void FrameTap::release_best(Lock& lock) {
  if (!best_.buffer) return;
  const BufferPtr buffer = std::exchange(best_.buffer, nullptr);
  pass(lock, buffer.get(), best_.frame);
}

// A frame may be met twice, the second time from the middle of its duration on, where a seek clips it.
void FrameTap::pass(Lock& lock, GstBuffer* buffer, const PassedFrame& frame) {
  const auto holds = [&frame](const PassedFrame& other) { return other.time <= frame.time && frame.time < other.end; };
  if (std::ranges::any_of(passed_, holds)) return;
  passed_.push_back(frame);
  lock.unlock();
  gst_pad_push(past_.get(), gst_buffer_ref(buffer));
  lock.lock();
}

// ---- the thread that runs the pipeline ----

bool FrameTap::seek(GstSeekFlags flags, nanoseconds start, State then) {
  {
    Lock lock(mutex_);
    state_ = State::kSeeking;
    after_flush_ = then;
  }
  return gst_pad_push_event(
      pad_.get(), gst_event_new_seek(1.0, GST_FORMAT_TIME, static_cast<GstSeekFlags>(flags | GST_SEEK_FLAG_FLUSH),
                                     GST_SEEK_TYPE_SET, start.count(), GST_SEEK_TYPE_NONE, -1));
}

bool FrameTap::seek_key_frames() {
  constexpr auto kFlags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_TRICKMODE | GST_SEEK_FLAG_TRICKMODE_KEY_UNITS |
                                                    GST_SEEK_FLAG_TRICKMODE_NO_AUDIO);
  return seek(kFlags, nanoseconds(0), State::kKeyFrames);
}

bool FrameTap::seek_times(std::vector<nanoseconds> times) {
  const nanoseconds first = times.front();
  std::ranges::reverse(times);
  {
    Lock lock(mutex_);
    times_ = std::move(times);
  }
  return seek(GST_SEEK_FLAG_ACCURATE, first, State::kTimes) || seek(GST_SEEK_FLAG_KEY_UNIT, first, State::kTimes);
}

void FrameTap::finish() {
  {
    Lock lock(mutex_);
    state_ = State::kOver;
  }
  gst_pad_send_event(pad_.get(), gst_event_new_eos());
}

}  // namespace clipembed
