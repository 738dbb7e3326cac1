#include "tools/clipembed/canvas.h"

#include <pango/pangocairo.h>

#include <algorithm>
#include <charconv>
#include <numbers>

#include "tools/clipembed/presentable.h"
#include "tools/gobject_ptr.h"

namespace clipembed {
namespace {

struct SurfaceDestroy {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using SurfacePtr = std::unique_ptr<cairo_surface_t, SurfaceDestroy>;

Error failure(cairo_status_t status) {
  return Error{Error::Kind::kFailed, std::string("cannot draw: ") + cairo_status_to_string(status)};
}

SurfacePtr surface_of(const FramePicture& picture) {
  SurfacePtr surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, picture.width, picture.height));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS) return surface;
  unsigned char* rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  const std::uint8_t* rgb = picture.pixels.data();
  for (int y = 0; y < picture.height; ++y) {
    auto* row = reinterpret_cast<std::uint32_t*>(rows + std::ptrdiff_t{y} * stride);  // cairo aligns its rows
    for (int x = 0; x < picture.width; ++x, rgb += 3)
      row[x] = std::uint32_t{rgb[0]} << 16 | std::uint32_t{rgb[1]} << 8 | rgb[2];
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

GObjectPtr<PangoLayout> layout_of(cairo_t* context, const std::string& text, const TextStyle& style) {
  GObjectPtr<PangoLayout> layout(pango_cairo_create_layout(context));
  PangoFontDescription* font = pango_font_description_from_string(style.bold ? "Sans Bold" : "Sans");
  pango_font_description_set_absolute_size(font, style.size * PANGO_SCALE);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  pango_layout_set_single_paragraph_mode(layout.get(), TRUE);
  pango_layout_set_text(layout.get(), presentable(text).c_str(), -1);
  return layout;
}

double channel(const char* digits) {
  int value = 0;
  std::from_chars(digits, digits + 2, value, 16);
  return value / 255.0;
}

}  // namespace

Result<Canvas> Canvas::create(int width, int height) {
  const SurfacePtr surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
  Canvas canvas(cairo_create(surface.get()));  // keeps the surface
  const cairo_status_t status = cairo_status(canvas.context_.get());
  if (status != CAIRO_STATUS_SUCCESS) return failure(status);
  return canvas;
}

void Canvas::set_colour(const char* colour) {
  cairo_set_source_rgb(context_.get(), channel(colour + 1), channel(colour + 3), channel(colour + 5));
}

void Canvas::rounded(const Box& box, double radius) {
  constexpr double kQuarter = std::numbers::pi / 2;
  const double left = box.x + radius, right = box.x + box.width - radius;
  const double top = box.y + radius, bottom = box.y + box.height - radius;
  cairo_new_sub_path(context_.get());
  cairo_arc(context_.get(), right, top, radius, -kQuarter, 0);
  cairo_arc(context_.get(), right, bottom, radius, 0, kQuarter);
  cairo_arc(context_.get(), left, bottom, radius, kQuarter, 2 * kQuarter);
  cairo_arc(context_.get(), left, top, radius, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(context_.get());
}

void Canvas::fill(const Box& box, double radius, const char* colour) {
  set_colour(colour);
  rounded(box, radius);
  cairo_fill(context_.get());
}

void Canvas::picture(const Box& box, double radius, const FramePicture& picture) {
  const SurfacePtr surface = surface_of(picture);
  cairo_t* context = context_.get();
  cairo_save(context);
  rounded(box, radius);
  cairo_clip(context);
  cairo_translate(context, box.x, box.y);
  cairo_scale(context, box.width / picture.width, box.height / picture.height);
  cairo_set_source_surface(context, surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(context), CAIRO_FILTER_GOOD);
  cairo_pattern_set_extend(cairo_get_source(context), CAIRO_EXTEND_PAD);  // no dark fringe at the edges
  cairo_paint(context);
  cairo_restore(context);
}

double Canvas::text_width(const std::string& text, const TextStyle& style) {
  int width = 0;
  pango_layout_get_pixel_size(layout_of(context_.get(), text, style).get(), &width, nullptr);
  return width;
}

void Canvas::text(const Box& box, const std::string& text, const TextStyle& style) {
  const GObjectPtr<PangoLayout> layout = layout_of(context_.get(), text, style);
  pango_layout_set_width(layout.get(), static_cast<int>(box.width * PANGO_SCALE));
  pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_MIDDLE);
  int height = 0;
  pango_layout_get_pixel_size(layout.get(), nullptr, &height);
  set_colour(style.colour);
  cairo_move_to(context_.get(), box.x, box.y + (box.height - height) / 2);
  pango_cairo_show_layout(context_.get(), layout.get());
}

Result<std::string> Canvas::png() const {
  std::string bytes;
  const auto append = [](void* file, const unsigned char* data, unsigned length) {
    static_cast<std::string*>(file)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  if (const cairo_status_t drawn = cairo_status(context_.get()); drawn != CAIRO_STATUS_SUCCESS) return failure(drawn);
  const cairo_status_t status = cairo_surface_write_to_png_stream(cairo_get_target(context_.get()), append, &bytes);
  if (status != CAIRO_STATUS_SUCCESS) return failure(status);
  return bytes;
}

}  // namespace clipembed
