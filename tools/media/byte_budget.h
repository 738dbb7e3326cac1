// How many bytes of decoded pictures may exist at once. Decoders take a lease before they allocate and the lease
// travels with the picture, so that the slowest stage holds the others back. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

namespace clipembed {

class ByteBudget {
 public:
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_), epoch_(other.epoch_) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      std::swap(epoch_, other.epoch_);
      return *this;
    }
    ~Lease() {
      if (budget_) budget_->release(*this);
    }

   private:
    friend ByteBudget;
    Lease(ByteBudget* budget, std::uint64_t bytes, unsigned epoch) : budget_(budget), bytes_(bytes), epoch_(epoch) {}
    ByteBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
    unsigned epoch_ = 0;
  };

  explicit ByteBudget(std::uint64_t capacity) : capacity_(capacity) {}

  // Waits until there is room; a picture larger than the whole budget waits until it would be the only one.
  Lease acquire(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return used_ == 0 || (used_ < capacity_ && bytes <= capacity_ - used_); });
    used_ += bytes;
    return Lease(this, bytes, epoch_);
  }

  // Counts from nothing again, as if every lease had been returned: one of them never will be.
  void write_off() {
    {
      std::lock_guard lock(mutex_);
      used_ = 0;
      ++epoch_;
    }
    room_.notify_all();
  }

 private:
  void release(const Lease& lease) {
    {
      std::lock_guard lock(mutex_);
      if (lease.epoch_ == epoch_) used_ -= lease.bytes_;
    }
    room_.notify_all();
  }

  const std::uint64_t capacity_;
  std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t used_ = 0;  // guarded by mutex_
  unsigned epoch_ = 0;      // of the leases that count in used_; guarded by mutex_
};

}  // namespace clipembed
