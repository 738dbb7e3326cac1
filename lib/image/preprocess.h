// From a picture of any size to the model's input: Pillow's bicubic resize of the short side, then the centre crop.
//
// For RGB-kind input every byte equals what Pillow's Image.resize(BICUBIC) and crop give; Y'CbCr planes are resized
// first and converted after, within cosine 0.9995 of the RGB path (docs/accuracy.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "lib/image/view.h"
#include "lib/result.h"

namespace clipembed {

// What preprocessor_config.json says about geometry. `shortest_edge` >= `crop_width` and `crop_height`.
struct InputGeometry {
  int shortest_edge = 224;  // pixels of the short side after the resize
  int crop_width = 224;
  int crop_height = 224;

  // Where in the resized picture the crop lies: -1 at the left or the top, 0 in the middle, 1 at the right or the
  // bottom.
  int crop_x = 0;
  int crop_y = 0;

  std::size_t bytes() const { return std::size_t{3} * crop_width * crop_height; }  // RGB, rows packed
  bool operator==(const InputGeometry&) const = default;
};

struct Passes;  // lib/image/passes.h

// Keeps the filter tables and scratch rows of the last size and format, so that a stream pays for them once. Not
// thread-safe: one per stream.
class Preprocessor {
 public:
  explicit Preprocessor(InputGeometry geometry);                        // runs the processor's fastest instructions
  Preprocessor(InputGeometry geometry, const Passes& instruction_set);  // tests and benchmarks choose
  ~Preprocessor();
  Preprocessor(Preprocessor&&) noexcept;
  Preprocessor& operator=(Preprocessor&&) noexcept;

  // `rgb` receives geometry.bytes() bytes: crop_height rows of crop_width RGB triples.
  // Errors: kSettings for sizes outside 1..65535, a crop larger than the resized picture, missing planes, strides
  // shorter than a row, or an `rgb` of another size.
  Status run(const ImageView& picture, std::span<std::uint8_t> rgb);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace clipembed
