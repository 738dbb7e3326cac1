// Multi-head attention from one tensor of queries, keys and values.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace clipembed {

// qkv: (pictures, tokens, 3 * hidden), contiguous, the queries scaled already -> (pictures, queries, hidden): the rows
// of the first `queries` tokens, 1 <= queries <= tokens.
at::Tensor attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries);

}  // namespace clipembed
