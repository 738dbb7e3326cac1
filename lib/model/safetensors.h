// The safetensors format: 8 bytes of header length, little-endian; a JSON header {name: {dtype, shape, data_offsets}};
// the data. Source: the format's README and safetensors/src/tensor.rs of its reference implementation, whose checks
// these are.
#pragma once

#include <filesystem>

#include "lib/model/tensor.h"
#include "lib/result.h"

namespace clipembed {

// Errors: kNotFound where there is no such file; kFormat naming the file, and the tensor where it is about one: a
// header that does not fit, offsets that overlap, leave holes or disagree with dtype and shape, a dtype other than F32,
// F16, BF16 and I64.
Result<TensorFile> read_safetensors(const std::filesystem::path& path);

}  // namespace clipembed
