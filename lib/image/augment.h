// One picture seen in several ways, whose embeddings are averaged: steadier vectors for as many times the work.
// Deterministic: nothing is random, unlike augmentation in training.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/image/preprocess.h"
#include "lib/image/view.h"
#include "lib/result.h"

namespace clipembed {

enum class Augment {
  kNone,      // the picture as the model's own preprocessing gives it
  kFlip,      // that, and its mirror image
  kFiveCrop,  // the four corners and the centre of the picture, resized to 8/7 of the model's short side (256 for 224),
              // as image classifiers are evaluated (Krizhevsky et al. 2012, section 4.1, without the mirror images)
};

int views_of(Augment augment);  // 1, 2 or 5

// Not thread-safe: one per stream.
class AugmentedPreprocessor {
 public:
  // The model's own geometry.
  AugmentedPreprocessor(const InputGeometry& geometry, Augment augment);

  // The views, each as Preprocessor::run() gives it. Errors: those of Preprocessor::run().
  Result<std::vector<std::vector<std::uint8_t>>> run(const ImageView& picture);

 private:
  InputGeometry geometry_;
  bool mirror_;
  std::vector<Preprocessor> crops_;
};

}  // namespace clipembed
