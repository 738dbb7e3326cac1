#include "lib/model/tensor.h"

#include <format>

namespace clipembed {

namespace {

struct DTypeInfo {
  const char* name;
  std::size_t size;  // bytes of an element
};
constexpr DTypeInfo kDTypes[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}};  // in the order of DType

const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::size_t size_of(DType dtype) { return info(dtype).size; }
const char* to_string(DType dtype) { return info(dtype).name; }

std::optional<std::size_t> multiply(std::size_t a, std::size_t b) {
  std::size_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

std::optional<std::size_t> count_elements(std::span<const std::int64_t> shape) {
  if (shape.size() > kMaxDimensions) return std::nullopt;
  std::optional<std::size_t> count = 1;
  for (const std::int64_t size : shape) {
    if (size < 0 || !(count = multiply(*count, static_cast<std::size_t>(size)))) return std::nullopt;
  }
  return count;
}

std::string shape_to_string(std::span<const std::int64_t> shape) {
  std::string text;
  for (const std::int64_t size : shape) text += std::format("{}{}", text.empty() ? "" : ", ", size);
  return "[" + text + "]";
}

Error tensor_error(std::string_view file, std::string_view name, std::string_view what) {
  return {Error::Kind::kFormat, std::format("{}: tensor '{}': {}", file, name, what)};
}

}  // namespace clipembed
