#include "bench/service/pictures.h"

#include <cstddef>
#include <cstdio>

#include <jpeglib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

namespace bench {
namespace {

std::vector<std::uint8_t> soft_shapes(int width, int height, unsigned seed) {
  std::minstd_rand random(seed + 1);
  const double phase = seed * 0.7, pitch = 0.004 + 0.003 * (seed % 5);
  std::vector<std::uint8_t> pixels;
  pixels.reserve(static_cast<std::size_t>(width) * height * 3);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const double shape = std::sin(x * pitch + phase + c) * std::cos(y * pitch * 1.3 - c) +
                             0.3 * std::sin((x + y) * 0.05 + c * phase);
        const double value = 128 + 80 * shape + static_cast<double>(random() % 17) - 8;
        pixels.push_back(static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0)));
      }
    }
  }
  return pixels;
}

}  // namespace

Jpeg make_jpeg(int width, int height, unsigned seed) {
  std::vector<std::uint8_t> pixels = soft_shapes(width, height, seed);
  jpeg_compress_struct compress{};
  jpeg_error_mgr errors{};
  compress.err = jpeg_std_error(&errors);
  jpeg_create_compress(&compress);
  unsigned char* data = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&compress, &data, &size);
  compress.image_width = static_cast<JDIMENSION>(width);
  compress.image_height = static_cast<JDIMENSION>(height);
  compress.input_components = 3;
  compress.in_color_space = JCS_RGB;
  jpeg_set_defaults(&compress);
  jpeg_set_quality(&compress, 85, TRUE);
  jpeg_start_compress(&compress, TRUE);
  while (compress.next_scanline < compress.image_height) {
    JSAMPROW row = pixels.data() + static_cast<std::size_t>(compress.next_scanline) * width * 3;
    jpeg_write_scanlines(&compress, &row, 1);
  }
  jpeg_finish_compress(&compress);
  Jpeg file(data, data + size);
  jpeg_destroy_compress(&compress);
  std::free(data);
  return file;
}

void decode_jpeg(std::span<const std::uint8_t> file) {
  jpeg_decompress_struct decompress{};
  jpeg_error_mgr errors{};
  decompress.err = jpeg_std_error(&errors);
  jpeg_create_decompress(&decompress);
  jpeg_mem_src(&decompress, file.data(), file.size());
  jpeg_read_header(&decompress, TRUE);
  decompress.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decompress);
  const std::size_t stride = static_cast<std::size_t>(decompress.output_width) * 3;
  std::vector<std::uint8_t> pixels(stride * decompress.output_height);
  while (decompress.output_scanline < decompress.output_height) {
    JSAMPROW row = pixels.data() + decompress.output_scanline * stride;
    jpeg_read_scanlines(&decompress, &row, 1);
  }
  jpeg_finish_decompress(&decompress);
  jpeg_destroy_decompress(&decompress);
}

}  // namespace bench
