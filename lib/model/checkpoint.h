// The weights of a checkpoint directory, mapped and not read: model.safetensors, sharded safetensors with
// model.safetensors.index.json, or pytorch_model.bin (a torch.save zip; its pickle runs no code), sharded too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/config.h"
#include "lib/result.h"

namespace clipembed {

enum class DType { kF32, kF16, kBf16, kI64 };
std::size_t size_of(DType dtype);

// A row-major tensor inside a mapped file; `bytes` holds exactly the product of `shape` elements, in any alignment.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
  std::string file;  // the file it lies in, for error messages
};

class Checkpoint {
 public:
  // Finds the weights in `directory` in the order above and checks every offset and size before anything is used.
  // Errors: kNotFound when there are no weights, kFormat naming file and tensor.
  static Result<Checkpoint> open(const std::filesystem::path& directory);

  // Every tensor that CLIP of this configuration has must be there with its shape and a floating dtype, and no other
  // (but `*.position_ids`, which old checkpoints carry). The text tower may be absent as a whole.
  Status check(const ModelConfig& config) const;

  // nullptr where there is none.
  const TensorView* find(std::string_view name) const;
  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }

 private:
  std::string source_;  // the file found by open(), named where a tensor is missing
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::vector<std::shared_ptr<const void>> storage_;  // the mappings, and copies of tensors that were not row-major
};

}  // namespace clipembed
