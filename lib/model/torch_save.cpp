#include "lib/model/torch_save.h"

#include <algorithm>
#include <cstring>
#include <format>
#include <utility>

#include "lib/model/mapped_file.h"
#include "lib/model/unpickler.h"
#include "lib/model/zip_archive.h"

namespace clipembed {
namespace {

struct StorageInfo {
  const char* name;
  std::size_t element_size;
  std::optional<DType> dtype;  // without one it can only be position_ids
};
constexpr StorageInfo kStorages[] = {
    {"FloatStorage", 4, DType::kF32}, {"HalfStorage", 2, DType::kF16}, {"BFloat16Storage", 2, DType::kBf16},
    {"LongStorage", 8, DType::kI64},  {"IntStorage", 4, std::nullopt}, {"DoubleStorage", 8, std::nullopt},
};

const StorageInfo* find_storage(std::string_view name) {
  const auto* found = std::ranges::find(kStorages, name, &StorageInfo::name);
  return found == std::end(kStorages) ? nullptr : found;
}

// The element after the last that the tensor reads, counted in its storage; nullopt when that is not a number that
// fits.
std::optional<std::size_t> end_of(const PickledTensor& tensor) {
  if (tensor.storage_offset < 0 || tensor.shape.size() != tensor.strides.size()) return std::nullopt;
  auto last = static_cast<std::size_t>(tensor.storage_offset);
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] == 0) return static_cast<std::size_t>(tensor.storage_offset);
    if (tensor.shape[i] < 0 || tensor.strides[i] < 0) return std::nullopt;
    const auto reach =
        multiply(static_cast<std::size_t>(tensor.shape[i] - 1), static_cast<std::size_t>(tensor.strides[i]));
    if (!reach || __builtin_add_overflow(last, *reach, &last)) return std::nullopt;
  }
  if (__builtin_add_overflow(last, std::size_t{1}, &last)) return std::nullopt;
  return last;
}

// The stride of a dimension of size 1 is never used, and any will do.
bool is_row_major(const PickledTensor& tensor) {
  std::int64_t expected = 1;
  for (std::size_t i = tensor.shape.size(); i-- > 0;) {
    if (tensor.shape[i] != 1 && tensor.strides[i] != expected) return false;
    expected *= tensor.shape[i];
  }
  return true;
}

// Copies `tensor`, whose every element lies inside `storage`, in row-major order.
std::vector<std::byte> copy_row_major(const PickledTensor& tensor, std::span<const std::byte> storage,
                                      std::size_t element_size, std::size_t count) {
  std::vector<std::byte> copy(count * element_size);
  std::vector<std::int64_t> index(tensor.shape.size());
  std::int64_t at = tensor.storage_offset;
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(&copy[i * element_size], &storage[static_cast<std::size_t>(at) * element_size], element_size);
    for (std::size_t d = index.size(); d-- > 0;) {
      if (tensor.shape[d] == 1) continue;  // its stride may be anything
      at += tensor.strides[d];
      if (++index[d] < tensor.shape[d]) break;
      at -= tensor.strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
  return copy;
}

class Reader {
 public:
  explicit Reader(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)), copy_budget_(file_->bytes().size()) {}

  Result<TensorFile> read() {
    if (!looks_like_zip(file_->bytes())) {
      return error(
          "not a zip file. If it is torch.save's format from before PyTorch 1.6, convert it in Python: "
          "torch.save(torch.load(path, weights_only=True), path)");
    }
    auto entries = read_zip(file_->path(), file_->bytes());
    if (!entries) return entries.error();
    entries_ = *std::move(entries);
    if (auto status = find_root(); !status) return status.error();
    if (auto status = check_byte_order(); !status) return status.error();
    const auto tensors = unpickle_state_dict(file_->path(), entries_.find(root_ + "data.pkl")->second);
    if (!tensors) return tensors.error();
    for (const PickledTensor& tensor : *tensors) {
      if (auto status = add(tensor); !status) return status.error();
    }
    result_.storage.push_back(file_);
    return std::move(result_);
  }

 private:
  Error error(std::string_view what) const {
    return {Error::Kind::kFormat, std::format("{}: {}", file_->path(), what)};
  }

  // Every entry is below one folder, whose name torch.save makes up.
  Status find_root() {
    constexpr std::string_view kPickle = "/data.pkl";
    for (const auto& [name, bytes] : entries_) {
      if (name.ends_with(kPickle) && name.find('/') == name.size() - kPickle.size()) {
        root_ = name.substr(0, name.size() - kPickle.size() + 1);
        return ok();
      }
    }
    return error("a zip file without data.pkl: torch.save did not write it");
  }

  Status check_byte_order() {
    const auto entry = entries_.find(root_ + "byteorder");
    if (entry == entries_.end()) return ok();  // PyTorch before 2.1, little-endian
    const std::string_view order(reinterpret_cast<const char*>(entry->second.data()), entry->second.size());
    return order == "little" ? ok() : Status(error("its numbers are not little-endian"));
  }

  Status add(const PickledTensor& tensor) {
    const auto fail = [&](std::string_view what) { return tensor_error(file_->path(), tensor.name, what); };
    const StorageInfo* info = find_storage(tensor.storage_type);
    if (info == nullptr || (!info->dtype && !is_position_ids(tensor.name))) {
      return fail(
          std::format("{} is not supported: FloatStorage, HalfStorage and BFloat16Storage are", tensor.storage_type));
    }
    if (!info->dtype) return ok();
    const auto storage = find_storage_bytes(tensor, info->element_size);
    if (!storage) return storage.error();
    const auto count = count_elements(tensor.shape);
    const auto end = end_of(tensor);
    if (!count || !end || *end > storage->size() / info->element_size) {
      return fail(std::format("offset {}, shape {} and strides {} reach outside its {} elements", tensor.storage_offset,
                              shape_to_string(tensor.shape), shape_to_string(tensor.strides), tensor.storage_elements));
    }
    const auto offset = static_cast<std::size_t>(tensor.storage_offset) * info->element_size;
    std::span<const std::byte> bytes;
    if (*count == 0 || is_row_major(tensor)) {
      bytes = storage->subspan(offset, *count * info->element_size);
    } else {
      // A tensor may repeat elements by strides of 0, so a small file could ask for any amount of memory.
      const auto size = multiply(*count, info->element_size);
      if (!size || *size > copy_budget_) {
        return fail(std::format("strides {} of shape {} repeat its elements", shape_to_string(tensor.strides),
                                shape_to_string(tensor.shape)));
      }
      copy_budget_ -= *size;
      const auto copy =
          std::make_shared<const std::vector<std::byte>>(copy_row_major(tensor, *storage, info->element_size, *count));
      bytes = *copy;
      result_.storage.push_back(copy);
    }
    result_.tensors.emplace(tensor.name, TensorView{*info->dtype, tensor.shape, bytes, file_->path()});
    return ok();
  }

  Result<std::span<const std::byte>> find_storage_bytes(const PickledTensor& tensor, std::size_t element_size) const {
    const auto fail = [&](std::string_view what) { return tensor_error(file_->path(), tensor.name, what); };
    const auto entry = entries_.find(std::format("{}data/{}", root_, tensor.storage_key));
    if (entry == entries_.end()) return fail(std::format("its entry data/{} is missing", tensor.storage_key));
    const auto elements = tensor.storage_elements;
    const auto size = elements < 0 ? std::nullopt : multiply(static_cast<std::size_t>(elements), element_size);
    if (!size || *size != entry->second.size()) {
      return fail(std::format("its entry data/{} has {} bytes, not {} elements of {}", tensor.storage_key,
                              entry->second.size(), elements, tensor.storage_type));
    }
    return entry->second;
  }

  std::shared_ptr<const MappedFile> file_;
  std::size_t copy_budget_;  // bytes that may still be copied: together no more than the file has
  ZipEntries entries_;
  std::string root_;  // "pytorch_model/"
  TensorFile result_;
};

}  // namespace

Result<TensorFile> read_torch_save(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  if (!file) return file.error();
  return Reader(*std::move(file)).read();
}

}  // namespace clipembed
