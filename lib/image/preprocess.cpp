#include "lib/image/preprocess.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "lib/image/layout.h"
#include "lib/image/passes.h"
#include "lib/image/resize.h"
#include "lib/image/yuv.h"

namespace clipembed {
namespace {

constexpr int kMaxSide = 65535;

Channels channels_of(const PixelLayout& layout, int plane) {
  Channels channels{0, layout.pixel_samples[plane], {}};
  for (int c = 0; c < layout.components; ++c) {
    if (layout.plane[c] == plane) channels.offset[channels.count++] = layout.offset[c];
  }
  return channels;
}

// transformers' get_resize_output_image_size: a true division, then int().
std::int64_t resized_side(int side, int short_side, int shortest_edge) {
  return static_cast<std::int64_t>(static_cast<double>(std::int64_t{shortest_edge} * side) / short_side);
}

// One axis of the picture: its size before and after the resize, and what the crop keeps of it.
struct CroppedAxis {
  int size;
  std::int64_t resized;
  int crop;
  int place;  // -1, 0 or 1

  std::int64_t first() const { return (resized - crop) * (place + 1) / 2; }

  // A chroma sample that is sited on the first of its two luma samples lies a quarter of its own width before their
  // middle.
  Filter filter(int shift, bool cosited) const {
    const double scale = static_cast<double>(size) / static_cast<double>(resized) / (1 << shift);
    const double offset = shift == 1 && cosited ? 0.25 : 0.0;
    return bicubic_filter({subsampled(size, shift), scale, offset}, first(), crop);
  }
};

Error settings(std::string message) { return {Error::Kind::kSettings, std::move(message)}; }

std::string size_text(int width, int height) { return std::to_string(width) + " x " + std::to_string(height); }

bool side_in_range(int side) { return side >= 1 && side <= kMaxSide; }

Status check_geometry(const InputGeometry& geometry, std::size_t output_bytes) {
  const int edge = geometry.shortest_edge;
  if (!side_in_range(edge)) {
    return settings("shortest_edge is " + std::to_string(edge) + "; it must be 1 to " + std::to_string(kMaxSide));
  }
  if (geometry.crop_width < 1 || geometry.crop_width > edge || geometry.crop_height < 1 ||
      geometry.crop_height > edge) {
    return settings("the crop of " + size_text(geometry.crop_width, geometry.crop_height) +
                    " does not fit in a picture whose short side is " + std::to_string(edge));
  }
  if (output_bytes != geometry.bytes()) {
    return settings("room for " + std::to_string(output_bytes) + " bytes was given for a picture of " +
                    std::to_string(geometry.bytes()));
  }
  return ok();
}

Status check_picture(const ImageView& picture, const PixelLayout* layout) {
  if (!layout) return settings("unknown pixel format " + std::to_string(static_cast<int>(picture.format)));
  if (!side_in_range(picture.width) || !side_in_range(picture.height)) {
    return settings("the picture has " + size_text(picture.width, picture.height) + " pixels; each side must be 1 to " +
                    std::to_string(kMaxSide));
  }
  for (int p = 0; p < layout->planes(); ++p) {
    const Plane& plane = picture.planes[p];
    const int width = p == 0 ? picture.width : subsampled(picture.width, layout->chroma_shift_x);
    const std::ptrdiff_t row_bytes = std::ptrdiff_t{width} * layout->pixel_samples[p] * layout->samples.bytes();
    const std::string name = "plane " + std::to_string(p) + " of the " + layout->name + " picture";
    if (!plane.data) return settings(name + " is missing");
    if (plane.stride < row_bytes && plane.stride > -row_bytes) {
      return settings(name + " has a stride of " + std::to_string(plane.stride) + " bytes; a row has " +
                      std::to_string(row_bytes));
    }
  }
  return ok();
}

}  // namespace

struct Preprocessor::State {
  // What the resizers were made for.
  struct Key {
    PixelFormat format;
    int width, height;
    ChromaSite chroma_site;
    bool operator==(const Key&) const = default;
  };

  InputGeometry geometry;
  const Passes* passes;
  std::optional<Key> key;
  std::vector<Resizer> resizers;                   // one a plane
  std::vector<std::vector<std::uint8_t>> resized;  // the planes at the crop's size; unused for RGB

  std::size_t pixels() const { return std::size_t(geometry.crop_width) * geometry.crop_height; }
  void prepare(const ImageView& picture, const PixelLayout& layout);
  Component component(const PixelLayout& layout, int index) const;
};

void Preprocessor::State::prepare(const ImageView& picture, const PixelLayout& layout) {
  const Key wanted{picture.format, picture.width, picture.height, picture.chroma_site};
  if (key == wanted) return;
  const int short_side = std::min(picture.width, picture.height);
  const CroppedAxis columns{picture.width, resized_side(picture.width, short_side, geometry.shortest_edge),
                            geometry.crop_width, geometry.crop_x};
  const CroppedAxis rows{picture.height, resized_side(picture.height, short_side, geometry.shortest_edge),
                         geometry.crop_height, geometry.crop_y};
  key.reset();
  resizers.clear();
  resized.clear();
  for (int p = 0; p < layout.planes(); ++p) {
    const Channels channels = channels_of(layout, p);
    const int shift_x = p == 0 ? 0 : layout.chroma_shift_x;
    const int shift_y = p == 0 ? 0 : layout.chroma_shift_y;
    resizers.emplace_back(layout.samples, channels, columns.filter(shift_x, picture.chroma_site != ChromaSite::kCentre),
                          rows.filter(shift_y, picture.chroma_site == ChromaSite::kTopLeft), *passes);
    if (channels.count < 3) resized.emplace_back(pixels() * channels.count);
  }
  key = wanted;
}

// Components that share a plane come out of its resizer interleaved, in their own order.
Component Preprocessor::State::component(const PixelLayout& layout, int index) const {
  const int plane = layout.plane[index];
  const auto before = std::count(layout.plane, layout.plane + index, plane);
  return {resized[plane].data() + before, channels_of(layout, plane).count};
}

Preprocessor::Preprocessor(InputGeometry geometry) : Preprocessor(geometry, supported_passes().front()) {}

Preprocessor::Preprocessor(InputGeometry geometry, const Passes& instruction_set)
    : state_(std::make_unique<State>(State{geometry, &instruction_set, {}, {}, {}})) {}

Preprocessor::~Preprocessor() = default;
Preprocessor::Preprocessor(Preprocessor&&) noexcept = default;
Preprocessor& Preprocessor::operator=(Preprocessor&&) noexcept = default;

Status Preprocessor::run(const ImageView& picture, std::span<std::uint8_t> rgb) {
  const PixelLayout* layout = find_layout(picture.format);
  if (Status checked = check_geometry(state_->geometry, rgb.size()); !checked) return checked;
  if (Status checked = check_picture(picture, layout); !checked) return checked;

  State& state = *state_;
  state.prepare(picture, *layout);
  if (state.resized.empty()) {
    state.resizers[0].run(picture.planes[0], rgb.data());
    return ok();
  }
  for (std::size_t p = 0; p < state.resizers.size(); ++p) {
    state.resizers[p].run(picture.planes[p], state.resized[p].data());
  }
  if (layout->components == 1) {
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = state.resized[0][i / 3];
  } else {
    state.passes->to_rgb(yuv_coefficients(picture.colorimetry), state.component(*layout, 0),
                         state.component(*layout, 1), state.component(*layout, 2), state.pixels(), rgb.data());
  }
  return ok();
}

}  // namespace clipembed
