#include <bit>
#include <cstdint>
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

class NpyOutput : public Output {
 public:
  NpyOutput(OutputFile array, OutputFile names, int dim)
      : array_(std::move(array)), names_(std::move(names)), dim_(dim) {}

  Status start() { return array_.write(npy_header(0, dim_)); }

  Status write(const FileResult& result) override {
    if (!result.outcome) return ok();
    std::string row;
    for (float value : result.outcome->vector) {
      const auto bits = std::bit_cast<std::uint32_t>(value);
      for (int shift = 0; shift < 32; shift += 8) row += static_cast<char>(bits >> shift & 0xff);
    }
    std::string name;
    for (char c : result.path) name += c == '\n' ? std::string("\\n") : std::string(1, c);
    if (Status written = array_.write(row); !written) return written;
    ++rows_;
    return names_.write(name + "\n");
  }

  Status finish() override {
    if (Status written = array_.rewrite_start(npy_header(rows_, dim_)); !written) return written;
    if (Status committed = names_.commit(); !committed) return committed;
    return array_.commit();
  }

 private:
  OutputFile array_;
  OutputFile names_;
  const int dim_;
  std::uint64_t rows_ = 0;
};

}  // namespace

Result<std::unique_ptr<Output>> new_npy_output(OutputFile array, OutputFile names, int dim) {
  auto output = std::make_unique<NpyOutput>(std::move(array), std::move(names), dim);
  if (Status started = output->start(); !started) return std::move(started).error();
  return std::unique_ptr<Output>(std::move(output));
}

}  // namespace clipembed
