#include "lib/engine/outbox.h"

#include <utility>

namespace clipembed {

void Outbox::post(Session::Completion done, Result<Embedding> result) {
  const std::lock_guard lock(mutex_);
  letters_.push_back({std::move(done), std::move(result)});
}

void Outbox::deliver() {
  const auto self = std::this_thread::get_id();
  std::unique_lock lock(mutex_);
  if (deliverer_ != std::thread::id() && deliverer_ != self) return;
  const std::thread::id outer = std::exchange(deliverer_, self);
  while (!letters_.empty()) {
    Letter letter = std::move(letters_.front());
    letters_.pop_front();
    lock.unlock();
    letter.done(std::move(letter.result));
    letter.done = nullptr;  // what it captured may be the last reference to anything, so it goes without the lock too
    lock.lock();
  }
  deliverer_ = outer;
  lock.unlock();
  delivered_.notify_all();
}

void Outbox::wait_until_delivered() {
  const auto self = std::this_thread::get_id();
  std::unique_lock lock(mutex_);
  delivered_.wait(lock, [&] { return deliverer_ == self || (letters_.empty() && deliverer_ == std::thread::id()); });
}

}  // namespace clipembed
