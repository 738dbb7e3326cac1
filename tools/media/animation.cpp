#include "tools/media/animation.h"

#include <gdk-pixbuf/gdk-pixbuf.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tools/gobject_ptr.h"
#include "tools/media/image_container.h"
#include "tools/media/pixel_buffer.h"

// GTimeVal, which gdk-pixbuf's iterators take, has no replacement there.
G_GNUC_BEGIN_IGNORE_DEPRECATIONS

namespace clipembed {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{512} << 20;

// As browsers show what asks for no delay, or for one that no screen could show.
GstClockTime shown_for(unsigned delay) { return (delay > 10 ? delay : 100) * GST_MSECOND; }

struct SizeLimit {
  std::uint64_t max_pixels;
  std::string refused;  // of a picture over it

  static void on_size(GdkPixbufLoader* loader, int width, int height, SizeLimit* self) {
    if (std::uint64_t(std::max(width, 0)) * std::uint64_t(std::max(height, 0)) <= self->max_pixels) return;
    self->refused = std::to_string(width) + " x " + std::to_string(height);
    gdk_pixbuf_loader_set_size(loader, 0, 0);  // makes every loader stop before it allocates
  }
};

// An animation on its way through an appsrc, which asks for one frame after the other.
struct Feed {
  GObjectPtr<GdkPixbufAnimationIter> frame;
  GTimeVal clock{1, 0};  // of the iterator, which shows what is to be seen at that time
  std::vector<unsigned> delays;
  std::size_t next = 0;
  GstClockTime time = 0;
  Deadline& deadline;

  void push(GstAppSrc* source);
};

void Feed::push(GstAppSrc* source) {
  if (next == delays.size()) {
    gst_app_src_end_of_stream(source);
    return;
  }
  deadline.feed();
  GObjectPtr<GdkPixbuf> pixels(gdk_pixbuf_copy(gdk_pixbuf_animation_iter_get_pixbuf(frame.get())));
  if (!pixels) {
    GST_ELEMENT_ERROR(source, STREAM, DECODE, ("a frame of the animation cannot be composed"), (nullptr));
    gst_app_src_end_of_stream(source);
    return;
  }
  GstBuffer* buffer = wrap_pixels({.pixels = std::move(pixels), .lease = {}});
  g_autoptr(GstCaps) caps = caps_of(buffer);
  GST_BUFFER_PTS(buffer) = time;
  GST_BUFFER_DURATION(buffer) = shown_for(delays[next++]);
  time += GST_BUFFER_DURATION(buffer);
  g_autoptr(GstSample) sample = gst_sample_new(buffer, caps, nullptr, nullptr);
  gst_buffer_unref(buffer);
  gst_app_src_push_sample(source, sample);
  // By the loader's own idea of a delay; -1 is for ever.
  g_time_val_add(&clock, glong{std::max(gdk_pixbuf_animation_iter_get_delay_time(frame.get()), 1)} * 1000);
  gdk_pixbuf_animation_iter_advance(frame.get(), &clock);
}

void on_need_data(GstAppSrc* source, guint, gpointer feed) { static_cast<Feed*>(feed)->push(source); }

}  // namespace

bool is_animation(const MediaFile& file) {
  if (file.type() != MediaType::kGif && file.type() != MediaType::kWebp) return false;
  const Result<std::string> bytes = file.read(kMaxFileBytes);
  return bytes && inspect_container(file.type(), *bytes).delays.size() > 1;
}

Status feed_animation(GstAppSrc* source, const MediaFile& file, std::uint64_t max_pixels, Deadline& deadline) {
  const Result<std::string> bytes = file.read(kMaxFileBytes);
  if (!bytes) return bytes.error();
  const auto unusable = [&file](Error::Kind kind, const std::string& why) {
    return Error{kind, file.name() + ": " + why};
  };
  g_autoptr(GError) error = nullptr;
  const char* name = file.type() == MediaType::kGif ? "gif" : "webp";
  const GObjectPtr<GdkPixbufLoader> loader(gdk_pixbuf_loader_new_with_type(name, &error));
  if (!loader)
    return unusable(Error::Kind::kFormat, std::string("gdk-pixbuf has no loader for ") + name + ": " + error->message);
  SizeLimit limit{max_pixels, {}};
  g_signal_connect(loader.get(), "size-prepared", G_CALLBACK(SizeLimit::on_size), &limit);
  const auto* data = reinterpret_cast<const guchar*>(bytes->data());
  const bool written = gdk_pixbuf_loader_write(loader.get(), data, bytes->size(), &error);
  gdk_pixbuf_loader_close(loader.get(), written ? &error : nullptr);
  if (!limit.refused.empty())
    return unusable(Error::Kind::kFailed, limit.refused + " pixels are more than the limit of " +
                                              std::to_string(max_pixels) + " (see --max-pixels)");
  GdkPixbufAnimation* animation = gdk_pixbuf_loader_get_animation(loader.get());
  if (!animation) return unusable(Error::Kind::kFailed, error ? error->message : "there is no picture in it");

  auto feed = std::make_unique<Feed>(
      Feed{.frame = nullptr, .delays = inspect_container(file.type(), *bytes).delays, .deadline = deadline});
  GstClockTime duration = 0;
  for (const unsigned delay : feed->delays) duration += shown_for(delay);
  gst_app_src_set_duration(source, duration);
  feed->frame.reset(gdk_pixbuf_animation_get_iter(animation, &feed->clock));
  GstAppSrcCallbacks callbacks{};
  callbacks.need_data = on_need_data;
  gst_app_src_set_callbacks(source, &callbacks, feed.release(), [](gpointer data) { delete static_cast<Feed*>(data); });
  return ok();
}

}  // namespace clipembed

G_GNUC_END_IGNORE_DEPRECATIONS
