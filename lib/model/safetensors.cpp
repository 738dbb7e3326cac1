#include "lib/model/safetensors.h"

#include <algorithm>
#include <format>
#include <utility>

#include "lib/model/json.h"
#include "lib/model/mapped_file.h"

namespace clipembed {
namespace {

constexpr std::size_t kLengthBytes = 8;

// The data bytes [begin, end) of one tensor, counted from the end of the header.
struct Extent {
  std::size_t begin = 0, end = 0;
  std::string tensor;

  bool operator<(const Extent& other) const { return std::pair(begin, end) < std::pair(other.begin, other.end); }
};

// Bytes of an element. The types that are not a DType can only be position_ids.
struct StoredType {
  std::size_t size = 0;
  std::optional<DType> dtype;
};

std::optional<StoredType> find_type(std::string_view name) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBf16, DType::kI64}) {
    if (name == to_string(dtype)) return StoredType{size_of(dtype), dtype};
  }
  for (const auto& [other, size] : {std::pair<const char*, std::size_t>{"I32", 4}, {"I16", 2}, {"F64", 8}, {"U8", 1}}) {
    if (name == other) return StoredType{size, std::nullopt};
  }
  return std::nullopt;
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) length = length << 8 | std::to_integer<std::uint64_t>(bytes[i]);
  return length;
}

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Result<Parts> split(const MappedFile& file) {
  const auto bytes = file.bytes();
  const auto malformed = [&](std::string what) {
    return Error{Error::Kind::kFormat, std::format("{}: not a safetensors file: {}", file.path(), what)};
  };
  if (bytes.size() < kLengthBytes) return malformed(std::format("{} bytes, too short for a header", bytes.size()));
  const std::uint64_t length = read_length(bytes);
  const auto rest = bytes.subspan(kLengthBytes);
  if (length > rest.size()) {
    return malformed(
        std::format("it claims a header of {} bytes, the file has {} left (truncated?)", length, rest.size()));
  }
  const auto header = rest.first(length);
  return Parts{{reinterpret_cast<const char*>(header.data()), header.size()}, rest.subspan(length)};
}

Result<std::vector<std::int64_t>> read_integers(const JsonValue& tensor, std::string_view key) {
  auto json = tensor.find(key);
  if (!json) return json.error();
  if (!*json) return tensor.error(std::format("{} is missing", key));
  auto elements = (*json)->array();
  if (!elements) return elements.error();
  std::vector<std::int64_t> integers;
  for (const JsonValue& element : *elements) {
    auto integer = element.integer();
    if (!integer) return integer.error();
    integers.push_back(*integer);
  }
  return integers;
}

Result<std::string> read_dtype(const JsonValue& tensor) {
  auto json = tensor.find("dtype");
  if (!json) return json.error();
  if (!*json) return tensor.error("dtype is missing");
  return (*json)->string();
}

class Reader {
 public:
  explicit Reader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  Result<TensorFile> read() {
    const auto parts = split(*file_);
    if (!parts) return parts.error();
    data_ = parts->data;
    const auto header = JsonValue::parse(file_->path(), parts->header);
    if (!header) return header.error();
    const auto members = header->object();
    if (!members) return members.error();
    for (const auto& [name, tensor] : *members) {
      if (name == "__metadata__") continue;
      if (auto status = add(name, tensor); !status) return status.error();
    }
    if (auto status = check_coverage(); !status) return status.error();
    result_.storage.push_back(file_);
    return std::move(result_);
  }

 private:
  Error error(std::string_view tensor, std::string_view what) const {
    return tensor_error(file_->path(), tensor, what);
  }

  Status add(const std::string& name, const JsonValue& tensor) {
    const auto dtype = read_dtype(tensor);
    if (!dtype) return dtype.error();
    auto shape = read_integers(tensor, "shape");
    if (!shape) return shape.error();
    const auto offsets = read_integers(tensor, "data_offsets");
    if (!offsets) return offsets.error();

    const auto type = find_type(*dtype);
    if (!type || (!type->dtype && !is_position_ids(name))) {
      return error(name, std::format("dtype {} is not supported: F32, F16 and BF16 are", *dtype));
    }
    if (offsets->size() != 2 || (*offsets)[0] < 0 || (*offsets)[0] > (*offsets)[1]) {
      return error(name, std::format("data_offsets {} are not [begin, end]", shape_to_string(*offsets)));
    }
    const Extent extent = {static_cast<std::size_t>((*offsets)[0]), static_cast<std::size_t>((*offsets)[1]), name};
    if (extent.end > data_.size()) {
      return error(name,
                   std::format("ends at byte {} of the data, the file has {} (truncated?)", extent.end, data_.size()));
    }
    const auto count = count_elements(*shape);
    const auto length = count ? multiply(*count, type->size) : std::nullopt;
    if (!length || *length != extent.end - extent.begin) {
      return error(name, std::format("has {} bytes, which is not {} of {}", extent.end - extent.begin,
                                     shape_to_string(*shape), *dtype));
    }
    if (type->dtype) {
      const auto bytes = data_.subspan(extent.begin, *length);
      result_.tensors.emplace(name, TensorView{*type->dtype, *std::move(shape), bytes, file_->path()});
    }
    extents_.push_back(extent);
    return ok();
  }

  // Every byte of the data belongs to exactly one tensor, so that nothing can hide in the file.
  Status check_coverage() {
    std::sort(extents_.begin(), extents_.end());
    std::size_t covered = 0;
    for (const Extent& extent : extents_) {
      if (extent.begin != covered) {
        return error(extent.tensor,
                     std::format("begins at byte {} of the data, {} the tensor before it at {}", extent.begin,
                                 extent.begin < covered ? "inside" : "after a hole behind", covered));
      }
      covered = extent.end;
    }
    if (covered == data_.size()) return ok();
    return Error{Error::Kind::kFormat,
                 std::format("{}: {} bytes after the last tensor", file_->path(), data_.size() - covered)};
  }

  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;
  std::vector<Extent> extents_;
  TensorFile result_;
};

}  // namespace

Result<TensorFile> read_safetensors(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  return Reader(*std::move(file)).read();
}

}  // namespace clipembed
