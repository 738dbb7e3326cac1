// pytorch_model.bin, as torch.save writes it since PyTorch 1.6: a zip of NAME/data.pkl, a pickle that describes the
// tensors, and NAME/data/0, NAME/data/1, ..., the stored bytes they view. Source: torch/serialization.py.
#pragma once

#include <filesystem>

#include "lib/model/tensor.h"
#include "lib/result.h"

namespace clipembed {

// Row-major tensors are views of the mapped file. Others, such as the projections that transformers' conversion script
// transposed in OpenAI's checkpoints, are copied into order.
// Errors: kNotFound where there is no such file; kFormat naming the file, and the tensor where it is about one. No code
// in the pickle is ever run.
Result<TensorFile> read_torch_save(const std::filesystem::path& path);

}  // namespace clipembed
