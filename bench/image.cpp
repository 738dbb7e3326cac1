// Milliseconds that one core needs to bring a frame to the model's 224 x 224, for each instruction set, beside the time
// of copying the same frame in memory: the floor of anything that must read it. Medians. Usage: image [runs]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "lib/image/passes.h"
#include "lib/image/preprocess.h"

namespace {

using namespace clipembed;

// More frames than the cache holds, as a stream's come from memory the decoder has just written.
constexpr int kFrames = 8;

struct Frames {
  ImageView layout;  // plane addresses are offsets into a frame
  std::size_t bytes;
  std::vector<std::uint8_t> memory;

  Frames(PixelFormat format, int width, int height) : layout{format, width, height} {
    bytes = format == PixelFormat::kI420 ? std::size_t(width) * height * 3 / 2 : std::size_t(width) * height * 3;
    memory.resize(bytes * kFrames);
    std::uint32_t noise = 1;
    for (std::uint8_t& byte : memory) byte = (noise = noise * 1664525 + 1013904223) >> 24;
  }

  ImageView frame(int index) const {
    ImageView view = layout;
    const std::uint8_t* data = &memory[index * bytes];
    const std::ptrdiff_t width = view.width, height = view.height;
    if (view.format == PixelFormat::kI420) {
      const std::uint8_t* chroma = data + width * height;
      view.planes = {{{data, width}, {chroma, width / 2}, {chroma + width * height / 4, width / 2}}};
    } else {
      view.planes = {{{data, width * 3}}};
    }
    return view;
  }
};

template <class Work>
double median_ms(int runs, Work work) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work(i % kFrames);
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::nth_element(times, times.begin() + runs / 2);
  return times[runs / 2];
}

void measure(const char* name, PixelFormat format, int width, int height, int runs) {
  const Frames frames(format, width, height);
  std::vector<std::uint8_t> copy(frames.bytes);
  const double floor =
      median_ms(runs, [&](int i) { std::memcpy(copy.data(), &frames.memory[i * frames.bytes], frames.bytes); });
  std::vector<std::uint8_t> rgb(InputGeometry{}.bytes());
  for (const Passes& passes : supported_passes()) {
    Preprocessor preprocessor({}, passes);
    bool good = true;
    const double ms = median_ms(runs, [&](int i) { good &= bool(preprocessor.run(frames.frame(i), rgb)); });
    if (!good) std::exit(EXIT_FAILURE);
    std::printf("%-5s %4d x %4d  %-10s %7.2f ms   memcpy %6.2f ms   ratio %5.1f\n", name, width, height,
                passes.instruction_set, ms, floor, ms / floor);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::max(1, std::atoi(argv[1])) : 100;
  const int sizes[][2] = {{640, 480}, {1920, 1080}, {3840, 2160}};
  for (const auto& [width, height] : sizes) {
    measure("RGB", PixelFormat::kRgb, width, height, runs);
    measure("I420", PixelFormat::kI420, width, height, runs);
  }
}
