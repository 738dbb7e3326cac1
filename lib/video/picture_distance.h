// How far two thumbnails are apart, in the ways that the shot detector asks for. Plain functions; any thread.
#pragma once

#include <array>

#include "lib/video/thumbnail.h"

namespace clipembed {

// What is left of the difference once blocks have been moved to where they fit best, in units of the pictures' own
// contrast: about 0 for one scene, also where the camera pans or shakes; 0.6 and more for two that have nothing in
// common.
double motion_compensated_distance(const Thumbnail& a, const Thumbnail& b);

// A coarser thumbnail as a vector: small motion disappears in it, and a dissolve is a straight line.
struct CoarsePicture {
  static constexpr int kCells = Thumbnail::kChromaWidth * Thumbnail::kChromaHeight;
  std::array<float, 3 * kCells> levels{};  // luma, Cb, Cr

  // Standard deviation of luma in the picture's centre: 0 for a blank one, with or without bars around it.
  double contrast() const;
  // Mean of luma there.
  double brightness() const;
  // Mean distance of chroma from neutral, everywhere.
  double colour() const;
};

CoarsePicture coarse_picture(const Thumbnail& thumbnail);

// Mean square of the luma's steps from cell to cell, inside bars: a mixture of two pictures has less than they have.
double detail(const Thumbnail& thumbnail);

// Root mean square difference of levels.
double distance(const CoarsePicture& a, const CoarsePicture& b);
// Correlation coefficient of the luma of the pictures' centres, -1 to 1: the same scene has about 1 however bright it
// is. 0 where one is blank.
double correlation(const CoarsePicture& a, const CoarsePicture& b);

}  // namespace clipembed
