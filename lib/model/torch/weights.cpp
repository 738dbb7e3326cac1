#include "lib/model/torch/weights.h"

#include <ATen/ATen.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace clipembed {
namespace {

at::ScalarType scalar_type(DType dtype) {
  switch (dtype) {
    case DType::kF16:
      return at::kHalf;
    case DType::kBf16:
      return at::kBFloat16;
    case DType::kI64:
      return at::kLong;
    case DType::kF32:
      break;
  }
  return at::kFloat;
}

// The mapping stays valid; the kernel reads the pages again if anybody looks. Without this, a 605 MB file counts as
// resident memory until the checkpoint is closed. Whole pages only: the ends may belong to the neighbours.
void release_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

at::Tensor Weights::fp32(const std::string& name) const {
  const TensorView* view = checkpoint_.find(name);
  TORCH_CHECK(view != nullptr, "the checkpoint has no tensor ", name);
  // A mapped tensor may lie at any address, and ATen's kernels want aligned elements.
  const at::ScalarType dtype = scalar_type(view->dtype);
  at::Tensor tensor;
  if (reinterpret_cast<std::uintptr_t>(view->bytes.data()) % size_of(view->dtype) == 0) {
    void* data = const_cast<std::byte*>(view->bytes.data());  // from_blob has no const form; the tensor is only read
    tensor = at::from_blob(data, view->shape, dtype).to(at::kFloat, /*non_blocking=*/false, /*copy=*/true);
  } else {
    tensor = at::empty(view->shape, dtype);
    std::memcpy(tensor.mutable_data_ptr(), view->bytes.data(), view->bytes.size());
    tensor = tensor.to(at::kFloat);
  }
  release_pages(view->bytes);
  return tensor;
}

}  // namespace clipembed
