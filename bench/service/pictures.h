// JPEGs to send, made here so that the benchmark needs no files: soft shapes with a little noise, which compress about
// as photos do (640 x 480: 60 KB, 3840 x 2160: 1.5 MB, quality 85, 4:2:0).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bench {

using Jpeg = std::vector<std::uint8_t>;

Jpeg make_jpeg(int width, int height, unsigned seed);

// libjpeg-turbo, to RGB, with its defaults (the exact DCT, fancy upsampling).
void decode_jpeg(std::span<const std::uint8_t> file);

}  // namespace bench
