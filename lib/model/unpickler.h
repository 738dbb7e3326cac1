// Reads the pickle of a PyTorch state dict, the data.pkl of a torch.save file, without running anything: a pickle is a
// program for a stack machine whose GLOBAL and REDUCE opcodes may name and call any Python function. This machine knows
// the opcodes that torch.save emits for a state dict (pickle protocol 2) and the handful of names it refers to, and
// builds plain values; everything else is an error. Source: CPython's pickletools.py; PyTorch's torch/_utils.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lib/result.h"

namespace clipembed {

// A tensor as the pickle describes it: types are right, numbers are not checked. Views point into the pickle.
struct PickledTensor {
  std::string_view name;
  std::string_view storage_type;  // "FloatStorage", ...
  std::string_view storage_key;   // names the archive's entry that has the data
  std::int64_t storage_elements = 0;
  std::int64_t storage_offset = 0;  // in elements
  std::vector<std::int64_t> shape, strides;
};

// `file` is the name in error messages. Errors: kFormat naming the opcode or global and, where one is being built, the
// tensor. Memory is bounded by a small multiple of the pickle's size.
Result<std::vector<PickledTensor>> unpickle_state_dict(std::string_view file, std::span<const std::byte> pickle);

}  // namespace clipembed
