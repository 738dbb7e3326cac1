// What the readers of checkpoint formats have in common: the tensors of one file, and the arithmetic on shapes that
// come from untrusted files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/model/checkpoint.h"

namespace clipembed {

using TensorMap = std::map<std::string, TensorView, std::less<>>;

struct TensorFile {
  TensorMap tensors;
  std::vector<std::shared_ptr<const void>> storage;  // owns what the views point into
};

inline constexpr std::size_t kMaxDimensions = 8;

// The product of `shape`; nullopt when a size is negative, there are too many of them or the product overflows.
std::optional<std::size_t> count_elements(std::span<const std::int64_t> shape);
std::optional<std::size_t> multiply(std::size_t a, std::size_t b);  // nullopt on overflow

const char* to_string(DType dtype);                                // "F32", as safetensors names it
std::string shape_to_string(std::span<const std::int64_t> shape);  // "[512, 768]"

// Buffers of old checkpoints: 0, 1, 2, ... in some integer type. Nothing reads them.
inline bool is_position_ids(std::string_view name) { return name.ends_with(".position_ids"); }

// kFormat: "file: tensor 'name': what"
Error tensor_error(std::string_view file, std::string_view name, std::string_view what);

}  // namespace clipembed
