#include "tools/media/still_image.h"

#include <algorithm>
#include <limits>
#include <string>

#include "tools/media/image_container.h"

namespace clipembed {
namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{512} << 20;
constexpr int kMaxSide = 65535;  // Preprocessor's

// gdk-pixbuf's names. Naming the loader keeps the content from choosing one that is not meant for photos.
const char* loader_name(MediaType type) {
  switch (type) {
    case MediaType::kJpeg:
      return "jpeg";
    case MediaType::kPng:
      return "png";
    case MediaType::kWebp:
      return "webp";
    case MediaType::kGif:
      return "gif";
    case MediaType::kBmp:
      return "bmp";
    case MediaType::kTiff:
      return "tiff";
    case MediaType::kHeif:
      return "heif/avif";
    case MediaType::kJxl:
      return "jxl";
    case MediaType::kStream:
      break;
  }
  return nullptr;
}

Error unusable(const MediaFile& file, const std::string& why) {
  return Error{Error::Kind::kFailed, file.name() + ": " + why};
}

Error too_large(const MediaFile& file, const std::string& size, std::uint64_t max_pixels) {
  return unusable(file, size + " pixels are more than the limit of " + std::to_string(max_pixels) + " pixels and " +
                            std::to_string(kMaxSide) + " a side (see --max-pixels)");
}

// One run of a loader; its signals arrive inside gdk_pixbuf_loader_write() and _close(), on the calling thread.
class Decode {
 public:
  Decode(const MediaFile& file, const StillOptions& options, ByteBudget* budget, Deadline& deadline)
      : file_(file), options_(options), budget_(budget), deadline_(deadline) {}

  Result<StillImage> run(const std::string& bytes);

 private:
  static void on_size(GdkPixbufLoader* loader, int width, int height, Decode* self) {
    self->reserve(loader, width, height);
  }
  static void on_rows(GdkPixbufLoader*, int, int y, int, int rows, Decode* self) {
    self->first_row_ = std::min(self->first_row_, y);
    self->end_row_ = std::max(self->end_row_, y + rows);
    self->deadline_.feed();
  }
  void reserve(GdkPixbufLoader* loader, int width, int height);

  const MediaFile& file_;
  const StillOptions& options_;
  ByteBudget* const budget_;
  Deadline& deadline_;

  std::string refused_size_;  // of a picture over the limit
  ByteBudget::Lease lease_;
  int first_row_ = std::numeric_limits<int>::max();  // of those decoded so far; rows arrive in either direction
  int end_row_ = 0;
};

void Decode::reserve(GdkPixbufLoader* loader, int width, int height) {
  const std::uint64_t pixels = std::uint64_t(std::max(width, 0)) * std::uint64_t(std::max(height, 0));
  if (pixels > options_.max_pixels || width > kMaxSide || height > kMaxSide) {
    refused_size_ = std::to_string(width) + " x " + std::to_string(height);
    gdk_pixbuf_loader_set_size(loader, 0, 0);  // makes every loader stop before it allocates
    return;
  }
  if (!budget_) return;
  deadline_.suspend();
  lease_ = budget_->acquire(pixels * 4);
  deadline_.feed();
}

Result<StillImage> Decode::run(const std::string& bytes) {
  g_autoptr(GError) error = nullptr;
  GObjectPtr<GdkPixbufLoader> loader(gdk_pixbuf_loader_new_with_type(loader_name(file_.type()), &error));
  if (!loader)
    return Error{Error::Kind::kFormat, file_.name() + ": gdk-pixbuf has no loader for " + loader_name(file_.type()) +
                                           " images here: " + error->message};
  g_signal_connect(loader.get(), "size-prepared", G_CALLBACK(on_size), this);
  g_signal_connect(loader.get(), "area-updated", G_CALLBACK(on_rows), this);

  const auto* data = reinterpret_cast<const guchar*>(bytes.data());
  const bool written = gdk_pixbuf_loader_write(loader.get(), data, bytes.size(), &error);
  const bool closed = gdk_pixbuf_loader_close(loader.get(), written ? &error : nullptr);
  if (!refused_size_.empty()) return too_large(file_, refused_size_, options_.max_pixels);
  if (!written || !closed) return unusable(file_, error ? error->message : "the picture is damaged");

  GdkPixbuf* pixbuf = gdk_pixbuf_loader_get_pixbuf(loader.get());
  if (!pixbuf) return unusable(file_, "there is no picture in it, or it is truncated");
  if (first_row_ > 0 || end_row_ < gdk_pixbuf_get_height(pixbuf)) return unusable(file_, "the picture is truncated");
  return StillImage{.pixels = GObjectPtr<GdkPixbuf>(GDK_PIXBUF(g_object_ref(pixbuf))), .lease = std::move(lease_)};
}

// JPEG and TIFF loaders leave the orientation as an option of the pixbuf; for PNG and WebP it is ours.
void turn_upright(GObjectPtr<GdkPixbuf>& pixels, int orientation) {
  if (orientation != 1) gdk_pixbuf_set_option(pixels.get(), "orientation", std::to_string(orientation).c_str());
  if (GdkPixbuf* upright = gdk_pixbuf_apply_embedded_orientation(pixels.get())) pixels.reset(upright);
}

}  // namespace

Result<StillImage> load_still_image(const MediaFile& file, const StillOptions& options, ByteBudget* budget,
                                    Deadline& deadline) {
  const auto start = std::chrono::steady_clock::now();
  Result<std::string> bytes = file.read(kMaxFileBytes);
  if (!bytes) return std::move(bytes).error();
  const ImageContainer container = inspect_container(file.type(), *bytes);
  if (container.declared_pixels > options.max_pixels)
    return too_large(file, std::to_string(container.declared_pixels), options.max_pixels);
  if (!container.complete) return unusable(file, "the file is truncated: its end is missing");

  Result<StillImage> image = Decode(file, options, budget, deadline).run(*bytes);
  // Pillow's TIFF plugin, like the containers with an orientation of their own, never shows the stored one.
  if (image && (options.auto_orient || file.type() == MediaType::kTiff))
    turn_upright(image->pixels, container.orientation);
  if (image) image->decode = std::chrono::steady_clock::now() - start;
  return image;
}

}  // namespace clipembed
