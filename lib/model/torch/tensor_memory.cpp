#include "lib/model/torch/tensor_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace clipembed {
namespace {

// glibc's first M_MMAP_THRESHOLD: freeing smaller blocks changes nothing.
constexpr std::size_t kLarge = 128 * 1024;

// What a pass of ViT-B/32 in fp32 has in use at once, and half as much again for other batch sizes.
constexpr std::size_t kMostKept = 32 << 20;

std::size_t whole_pages(std::size_t bytes) {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

// Any thread.
class MappedBlocks {
 public:
  void* take(std::size_t bytes);
  // False where the address is that of no block.
  bool give_back(void* address);
  void release_kept();

 private:
  struct Block {
    void* address;
    std::size_t bytes;
  };

  void* take_kept(std::size_t bytes);
  void release_oldest();

  std::mutex mutex_;  // guards what follows
  std::unordered_map<void*, std::size_t> in_use_;
  std::vector<Block> kept_;  // the one used last at the end, as its pages may still be in the cache
  std::size_t kept_bytes_ = 0;
};

void* MappedBlocks::take(std::size_t bytes) {
  bytes = whole_pages(bytes);
  const std::lock_guard guard(mutex_);
  if (void* kept = take_kept(bytes)) return kept;
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TORCH_CHECK(mapped != MAP_FAILED, "no memory for a tensor of ", bytes, " bytes");
  in_use_[mapped] = bytes;
  return mapped;
}

// A much larger block is left to a tensor that needs it.
void* MappedBlocks::take_kept(std::size_t bytes) {
  const auto fits = [&](const Block& block) { return block.bytes >= bytes && block.bytes / 2 <= bytes; };
  const auto found = std::find_if(kept_.rbegin(), kept_.rend(), fits);
  if (found == kept_.rend()) return nullptr;
  const Block block = *found;
  kept_.erase(std::next(found).base());
  kept_bytes_ -= block.bytes;
  in_use_[block.address] = block.bytes;
  return block.address;
}

bool MappedBlocks::give_back(void* address) {
  const std::lock_guard guard(mutex_);
  const auto used = in_use_.find(address);
  if (used == in_use_.end()) return false;
  kept_.push_back({address, used->second});
  kept_bytes_ += used->second;
  in_use_.erase(used);
  while (kept_bytes_ > kMostKept) release_oldest();
  return true;
}

void MappedBlocks::release_oldest() {
  munmap(kept_.front().address, kept_.front().bytes);
  kept_bytes_ -= kept_.front().bytes;
  kept_.erase(kept_.begin());
}

void MappedBlocks::release_kept() {
  const std::lock_guard guard(mutex_);
  while (!kept_.empty()) release_oldest();
}

// Never destroyed, as the allocator: tensors may go until the very end.
MappedBlocks& mapped_blocks() {
  static auto& blocks = *new MappedBlocks;
  return blocks;
}

thread_local int scopes = 0;

// Leaves all other tensors to LibTorch's default.
class TensorAllocator final : public c10::Allocator {
 public:
  static void install() {
    static TensorAllocator& allocator = *new TensorAllocator;
    [[maybe_unused]] static const bool once = (c10::SetCPUAllocator(&allocator), true);
  }

  c10::DataPtr allocate(std::size_t bytes) override {
    if (scopes == 0 || bytes < kLarge) return others()->allocate(bytes);
    void* block = mapped_blocks().take(bytes);
    return {block, block, raw_deleter(), c10::Device(c10::kCPU)};
  }
  // oneDNN's tensors come and go by raw_allocate() and raw_deallocate(), which want one deleter for all.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { default_copy_data(to, from, bytes); }

 private:
  static void release(void* address) {
    if (!mapped_blocks().give_back(address)) others()->raw_deallocate(address);
  }
  static c10::Allocator* others() { return c10::GetDefaultCPUAllocator(); }
};

}  // namespace

TensorMemoryScope::TensorMemoryScope() {
#if !defined(__SANITIZE_ADDRESS__)  // which sees writes beyond a tensor only in its own malloc's memory
  TensorAllocator::install();
#endif
  ++scopes;
}

TensorMemoryScope::~TensorMemoryScope() { --scopes; }

void release_kept_tensor_memory() { mapped_blocks().release_kept(); }

}  // namespace clipembed
