#include <bit>
#include <cstdint>
#include <format>
#include <string>
#include <utility>

#include "tools/clipembed/output.h"

namespace clipembed {
namespace {

// Always 128 bytes, so that the number of rows can be filled in at the end. Source: numpy.lib.format, version 1.0.
std::string npy_header(std::uint64_t rows, int dim) {
  constexpr std::size_t kHeaderBytes = 128, kPreamble = 10;
  std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                           std::to_string(dim) + "), }";
  dictionary.resize(kHeaderBytes - kPreamble - 1, ' ');
  dictionary += '\n';
  const auto length = static_cast<char>(dictionary.size());
  return std::string("\x93NUMPY\x01\x00", 8) + length + '\0' + dictionary;
}

// Little-endian, as the header says.
std::string row_of(const std::vector<float>& vector) {
  std::string row;
  for (float value : vector) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) row += static_cast<char>(bits >> shift & 0xff);
  }
  return row;
}

std::string on_one_line(const std::string& path) {
  std::string line;
  for (char c : path) line += c == '\n' ? std::string("\\n") : c == '\t' ? std::string("\\t") : std::string(1, c);
  return line;
}

std::string frame_name(const std::string& path, const ChosenFrame& frame) {
  return std::format("{}\t{:.3f}\t{}\t{}", path, std::chrono::duration<double>(frame.time).count(), frame.reason,
                     frame.scene ? std::to_string(*frame.scene) : "");
}

class NpyOutput : public Output {
 public:
  NpyOutput(OutputFile array, OutputFile names, int dim, bool frames)
      : array_(std::move(array)), names_(std::move(names)), dim_(dim), frames_(frames) {}

  Status start() { return array_.write(npy_header(0, dim_)); }

  Status write(const FileResult& result) override {
    if (!result.outcome) return ok();
    const std::string path = on_one_line(result.path);
    if (!frames_ || !result.outcome->is_video) return add(result.outcome->vector, path);
    for (const ChosenFrame& frame : result.outcome->frames)
      if (Status written = add(frame.embedding, frame_name(path, frame)); !written) return written;
    return ok();
  }

  Status finish() override {
    if (Status written = array_.rewrite_start(npy_header(rows_, dim_)); !written) return written;
    if (Status committed = names_.commit(); !committed) return committed;
    return array_.commit();
  }

 private:
  Status add(const std::vector<float>& vector, const std::string& name) {
    if (Status written = array_.write(row_of(vector)); !written) return written;
    ++rows_;
    return names_.write(name + "\n");
  }

  OutputFile array_;
  OutputFile names_;
  const int dim_;
  const bool frames_;
  std::uint64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<Output>> new_npy_output(OutputFile array, OutputFile names, int dim, const OutputStyle& style) {
  auto output = std::make_unique<NpyOutput>(std::move(array), std::move(names), dim, style.frames);
  if (Status started = output->start(); !started) return std::move(started).error();
  return std::unique_ptr<Output>(std::move(output));
}

}  // namespace clipembed
