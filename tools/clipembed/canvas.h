// A picture to draw on: pictures, rounded boxes and lines of text, by cairo and Pango. Units are pixels from the top
// left corner. One thread at a time.
#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "lib/result.h"
#include "tools/media/media_embedding.h"

namespace clipembed {

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
};

struct TextStyle {
  double size = 14;  // of the font
  bool bold = false;
  const char* colour = "#ffffff";  // #rrggbb
};

class Canvas {
 public:
  // Errors: kFailed where cairo has no such surface: a side over 32767, or no memory.
  static Result<Canvas> create(int width, int height);

  void fill(const Box& box, double radius, const char* colour);
  // Scaled to fill the box.
  void picture(const Box& box, double radius, const FramePicture& picture);

  // How wide a line would be.
  double text_width(const std::string& text, const TextStyle& style);
  // One line, centred vertically in the box; what does not fit loses its middle. Any bytes: see presentable().
  void text(const Box& box, const std::string& text, const TextStyle& style);

  // The bytes of a PNG file. Errors: kFailed.
  Result<std::string> png() const;

 private:
  struct Destroy {
    void operator()(cairo_t* context) const { cairo_destroy(context); }
  };
  explicit Canvas(cairo_t* context) : context_(context) {}
  void set_colour(const char* colour);
  void rounded(const Box& box, double radius);

  std::unique_ptr<cairo_t, Destroy> context_;
};

}  // namespace clipembed
