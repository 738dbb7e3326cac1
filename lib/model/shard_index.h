// A checkpoint in several files: model.safetensors.index.json or pytorch_model.bin.index.json, whose "weight_map" says
// which file beside it holds which tensor.
#pragma once

#include <filesystem>
#include <functional>

#include "lib/model/tensor.h"
#include "lib/result.h"

namespace clipembed {

// `read_shard` reads one file of the format the index is for.
// Errors: kNotFound where there is no index; kFormat, naming file and tensor, for a shard that is missing or lies
// outside the directory, and for a tensor that index and shards disagree about; those of `read_shard`.
Result<TensorFile> read_sharded(const std::filesystem::path& index,
                                const std::function<Result<TensorFile>(const std::filesystem::path&)>& read_shard);

}  // namespace clipembed
