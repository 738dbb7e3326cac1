// Where a tower's large tensors live: in memory mapped for them and kept from one pass to the next, not in malloc's.
//
// LibTorch takes every tensor from malloc and gives it back at once. glibc learns from blocks of several megabytes that
// are freed: it maps no block of that size any more, and lets each thread's arena keep twice as much free memory at its
// end (mallopt(3), M_MMAP_THRESHOLD). A process of many streaming threads pays for that with every one of them: 180 MB
// for eight streams whose frames change in size, reached over an hour as one arena after another has its peak.
#pragma once

namespace clipembed {

// While one exists on a thread, LibTorch's large tensors that the thread makes are mapped. They may go at any time, on
// any thread; others' tensors stay with LibTorch's own allocator.
class TensorMemoryScope {
 public:
  TensorMemoryScope();
  ~TensorMemoryScope();
  TensorMemoryScope(const TensorMemoryScope&) = delete;
  TensorMemoryScope& operator=(const TensorMemoryScope&) = delete;
};

// Unmaps what is kept for the next pass: after loading, whose tensors are the largest, and after a tower.
void release_kept_tensor_memory();

// A member of a tower that is destroyed after its tensors.
struct KeptTensorMemory {
  ~KeptTensorMemory() { release_kept_tensor_memory(); }
};

}  // namespace clipembed
