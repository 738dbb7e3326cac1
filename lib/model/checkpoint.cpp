#include "lib/model/checkpoint.h"

#include <algorithm>
#include <format>
#include <utility>

#include "lib/model/safetensors.h"
#include "lib/model/schema.h"
#include "lib/model/shard_index.h"
#include "lib/model/tensor.h"
#include "lib/model/torch_save.h"

namespace clipembed {
namespace {

struct Format {
  const char* file;
  Result<TensorFile> (*read)(const std::filesystem::path&);
};
// In the order that transformers looks for them.
constexpr Format kFormats[] = {
    {"model.safetensors", read_safetensors},
    {"model.safetensors.index.json",
     [](const std::filesystem::path& path) { return read_sharded(path, read_safetensors); }},
    {"pytorch_model.bin", read_torch_save},
    {"pytorch_model.bin.index.json",
     [](const std::filesystem::path& path) { return read_sharded(path, read_torch_save); }},
};

bool is_text_tower(std::string_view name) {
  return name.starts_with("text_model.") || name.starts_with("text_projection.");
}

Status check_tensor(const std::string& name, const TensorView& tensor, const Schema& schema) {
  const auto expected = schema.find(name);
  if (expected == schema.end()) return tensor_error(tensor.file, name, "is no part of the CLIP model in config.json");
  if (tensor.shape != expected->second) {
    return tensor_error(tensor.file, name,
                        std::format("has shape {}, config.json makes it {}", shape_to_string(tensor.shape),
                                    shape_to_string(expected->second)));
  }
  if (tensor.dtype == DType::kI64) {
    return tensor_error(tensor.file, name, "has dtype I64, expected one of F32, F16 and BF16");
  }
  return ok();
}

}  // namespace

Result<Checkpoint> Checkpoint::open(const std::filesystem::path& directory) {
  for (const Format& format : kFormats) {
    auto file = format.read(directory / format.file);
    if (!file && file.error().kind == Error::Kind::kNotFound) continue;
    if (!file) return file.error();
    Checkpoint checkpoint;
    checkpoint.source_ = (directory / format.file).string();
    checkpoint.tensors_ = std::move(file->tensors);
    checkpoint.storage_ = std::move(file->storage);
    return checkpoint;
  }
  return Error{
      Error::Kind::kNotFound,
      std::format("{}: no weights: none of model.safetensors, model.safetensors.index.json, pytorch_model.bin and "
                  "pytorch_model.bin.index.json is there",
                  directory.string())};
}

Status Checkpoint::check(const ModelConfig& config) const {
  Schema required = vision_schema(config);
  Schema schema = text_schema(config);
  schema.insert(required.begin(), required.end());
  const bool has_text = std::ranges::any_of(tensors_, [](const auto& entry) { return is_text_tower(entry.first); });
  if (has_text) required = schema;

  for (const auto& [name, tensor] : tensors_) {
    if (is_position_ids(name)) continue;
    if (auto status = check_tensor(name, tensor, schema); !status) return status;
  }
  for (const auto& [name, shape] : required) {
    if (!tensors_.contains(name)) {
      return tensor_error(source_, name, std::format("is missing, expected with shape {}", shape_to_string(shape)));
    }
  }
  return ok();
}

const TensorView* Checkpoint::find(std::string_view name) const {
  const auto entry = tensors_.find(name);
  return entry == tensors_.end() ? nullptr : &entry->second;
}

}  // namespace clipembed
