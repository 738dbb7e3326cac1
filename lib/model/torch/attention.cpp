#include "lib/model/torch/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "lib/model/torch/element.h"

namespace clipembed {
namespace {

// CLIP's pictures have few tokens (50 in ViT-B/32), and there ATen's calls cost more than their arithmetic: permuting
// and two batched products take three times as long as one head after another in fp32 from the cache. Past this many
// tokens the arithmetic weighs more, and bf16 products win.
constexpr std::int64_t kFusedTokens = 128;

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kRows = 4;              // queries at a time: accumulators that fit into the registers
constexpr std::int64_t kColumns = 2 * kLanes;  // columns at a time
using Vector = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

std::int64_t padded(std::int64_t n) { return (n + kColumns - 1) / kColumns * kColumns; }

// One head of one picture. Strides count elements.
template <class Element>
struct Head {
  const Element *q, *k, *v;
  Element* out;
  std::int64_t stride, out_stride;  // from one token to the next
  std::int64_t tokens, queries, dim;
};

// What one thread needs: keys transposed and values, in fp32 with padded rows; four rows of queries and of scores.
struct Scratch {
  Scratch(std::int64_t tokens, std::int64_t dim)
      : keys(dim * padded(tokens)), values(tokens * padded(dim)), q(kRows * dim), scores(kRows * padded(tokens)) {}
  std::vector<float> keys, values, q, scores;
};

// exp(x) for x <= 0 within 2 ulp: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2]. In plain operations, because
// std::exp does not vectorize without -ffast-math. Coefficients: the Taylor series to the sixth power.
CLIPEMBED_INLINE float exp_nonpositive(float x) {
  constexpr float kLog2E = 1.44269504f, kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  x = std::max(x, -87.0f);
  const float n = static_cast<float>(static_cast<int>(x * kLog2E - 0.5f));
  const float r = (x - n * kLn2High) - n * kLn2Low;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return p * std::bit_cast<float>((static_cast<std::int32_t>(n) + 127) << 23);
}

// rows (kRows x depth) times matrix (depth x columns), both fp32, written to out (kRows x columns). The matrix's and
// out's rows are `columns` apart, a multiple of kColumns.
CLIPEMBED_INLINE void multiply(const float* rows, std::int64_t rows_stride, std::int64_t depth, const float* matrix,
                               std::int64_t columns, float* out) {
  for (std::int64_t j = 0; j < columns; j += kColumns) {
    Vector sums[kRows][2] = {};
    for (std::int64_t d = 0; d < depth; ++d) {
      const auto* m = reinterpret_cast<const Vector*>(matrix + d * columns + j);
      for (std::int64_t r = 0; r < kRows; ++r) {
        const float factor = rows[r * rows_stride + d];
        sums[r][0] += factor * m[0];
        sums[r][1] += factor * m[1];
      }
    }
    for (std::int64_t r = 0; r < kRows; ++r) {
      auto* o = reinterpret_cast<Vector*>(out + r * columns + j);
      o[0] = sums[r][0];
      o[1] = sums[r][1];
    }
  }
}

CLIPEMBED_INLINE void softmax(float* x, std::int64_t n) {
  float peak = x[0], sum = 0.0f;
  for (std::int64_t i = 1; i < n; ++i) peak = std::max(peak, x[i]);
  for (std::int64_t i = 0; i < n; ++i) x[i] = exp_nonpositive(x[i] - peak);
  for (std::int64_t i = 0; i < n; ++i) sum += x[i];
  const float inverse = 1.0f / sum;
  for (std::int64_t i = 0; i < n; ++i) x[i] *= inverse;
}

template <class Element>
CLIPEMBED_INLINE void unpack_keys_and_values(const Head<Element>& head, Scratch& s) {
  const std::int64_t key_columns = padded(head.tokens), value_columns = padded(head.dim);
  for (std::int64_t t = 0; t < head.tokens; ++t) {
    for (std::int64_t d = 0; d < head.dim; ++d) {
      s.keys[d * key_columns + t] = load(head.k + t * head.stride + d);
      s.values[t * value_columns + d] = load(head.v + t * head.stride + d);
    }
  }
}

template <class Element>
CLIPEMBED_INLINE void attend_head(const Head<Element>& head, Scratch& s, float* result) {
  unpack_keys_and_values(head, s);
  const std::int64_t score_columns = padded(head.tokens), value_columns = padded(head.dim);
  for (std::int64_t begin = 0; begin < head.queries; begin += kRows) {
    const std::int64_t rows = std::min(kRows, head.queries - begin);  // the rest of a last block repeats its last row
    for (std::int64_t r = 0; r < kRows; ++r) {
      const Element* q = head.q + (begin + std::min(r, rows - 1)) * head.stride;
      for (std::int64_t d = 0; d < head.dim; ++d) s.q[r * head.dim + d] = load(q + d);
    }
    multiply(s.q.data(), head.dim, head.dim, s.keys.data(), score_columns, s.scores.data());
    for (std::int64_t r = 0; r < rows; ++r) softmax(s.scores.data() + r * score_columns, head.tokens);
    multiply(s.scores.data(), score_columns, head.tokens, s.values.data(), value_columns, result);
    for (std::int64_t r = 0; r < rows; ++r) {
      Element* out = head.out + (begin + r) * head.out_stride;
      for (std::int64_t d = 0; d < head.dim; ++d) store(out + d, result[r * value_columns + d]);
    }
  }
}

CLIPEMBED_CLONES void attend(const Head<float>& head, Scratch& s, float* result) { attend_head(head, s, result); }
CLIPEMBED_CLONES void attend(const Head<std::uint16_t>& head, Scratch& s, float* result) {
  attend_head(head, s, result);
}

at::Tensor fused_attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  const std::int64_t pictures = qkv.size(0), tokens = qkv.size(1), hidden = qkv.size(2) / 3, dim = hidden / heads;
  const at::Tensor out = at::empty({pictures, queries, hidden}, qkv.options());
  for_element_type(qkv, [&](auto* data) {
    using Element = std::remove_pointer_t<decltype(data)>;
    auto* result = static_cast<Element*>(out.mutable_data_ptr());
    at::parallel_for(0, pictures * heads, 1, [&](std::int64_t begin, std::int64_t end) {
      Scratch scratch(tokens, dim);
      std::vector<float> rows(kRows * padded(dim));
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t picture = i / heads, offset = i % heads * dim;
        const Element* q = data + picture * tokens * 3 * hidden + offset;
        attend(Head<Element>{q, q + hidden, q + 2 * hidden, result + picture * queries * hidden + offset, 3 * hidden,
                             hidden, tokens, queries, dim},
               scratch, rows.data());
      }
    });
  });
  return out;
}

at::Tensor tensor_attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  const std::int64_t pictures = qkv.size(0), tokens = qkv.size(1), hidden = qkv.size(2) / 3;
  // (3, pictures, heads, tokens, dim)
  const at::Tensor parts = qkv.view({pictures, tokens, 3, heads, hidden / heads}).permute({2, 0, 3, 1, 4});
  const at::Tensor q = parts[0].slice(2, 0, queries), k = parts[1], v = parts[2];
  // LibTorch 2.6's fused attention on the CPU takes twice as long as the three steps for 50 tokens in bf16.
  const at::Tensor attended = qkv.is_cpu() ? at::matmul(at::softmax(at::matmul(q, k.transpose(2, 3)), -1), v)
                                           : at::scaled_dot_product_attention(q, k, v, {}, 0.0, false, /*scale=*/1.0);
  return attended.transpose(1, 2).reshape({pictures, queries, hidden});
}

}  // namespace

at::Tensor attention(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
  const bool plain = qkv.scalar_type() == at::kFloat || qkv.scalar_type() == at::kBFloat16;
  if (qkv.is_cpu() && plain && qkv.size(1) <= kFusedTokens) return fused_attention(qkv, heads, queries);
  return tensor_attention(qkv, heads, queries);
}

}  // namespace clipembed
