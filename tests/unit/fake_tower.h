// A tower that a test holds by the hand: it stops inside embed() until the test lets it go, fails when told to, and
// remembers which pictures came in which batch. A picture is known by its first byte, which is also its embedding.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "lib/engine/engine.h"
#include "lib/engine/local_engine.h"

namespace clipembed::test {

using Tags = std::vector<int>;

inline EngineInfo tiny_info() { return {.model = "tiny", .revision = {}, .device = {}, .dim = 1, .input = {2, 2, 1}}; }

inline Picture tagged_picture(int tag) {
  Picture picture(tiny_info().input.bytes());
  picture[0] = static_cast<std::uint8_t>(tag);
  return picture;
}

// What the test and the tower share.
class TowerScript {
 public:
  // Batches from now on wait inside embed().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void wait_until_batch_has_begun(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() >= number; });
  }
  void wait_until_closed() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_; });
  }
  bool closed() {
    const std::lock_guard lock(mutex_);
    return closed_;
  }
  std::vector<Tags> batches() {
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  std::set<std::thread::id> threads() {
    const std::lock_guard lock(mutex_);
    return threads_;
  }

  // What embed() does with a batch instead of succeeding; set it before the engine opens.
  std::function<Status(const Tags&)> outcome = [](const Tags&) { return ok(); };

 private:
  friend class FakeTower;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool closed_ = false;
  std::vector<Tags> batches_;
  std::set<std::thread::id> threads_;
};

class FakeTower final : public VisionTower {
 public:
  explicit FakeTower(std::shared_ptr<TowerScript> script) : script_(std::move(script)) {
    const std::lock_guard lock(script_->mutex_);
    script_->threads_.insert(std::this_thread::get_id());
  }
  ~FakeTower() override {
    const std::lock_guard lock(script_->mutex_);
    script_->threads_.insert(std::this_thread::get_id());
    script_->closed_ = true;
    script_->changed_.notify_all();
  }

  Status embed(std::span<const std::uint8_t> pictures, int count, std::span<float> embeddings) override {
    Tags tags;
    for (int i = 0; i < count; ++i) tags.push_back(pictures[i * (pictures.size() / count)]);
    std::unique_lock lock(script_->mutex_);
    script_->threads_.insert(std::this_thread::get_id());
    script_->batches_.push_back(tags);
    script_->changed_.notify_all();
    script_->changed_.wait(lock, [&] { return !script_->held_; });
    lock.unlock();
    std::copy(tags.begin(), tags.end(), embeddings.begin());
    return script_->outcome(tags);
  }

  std::string device() const override { return "cpu"; }
  Precision precision() const override { return Precision::kFp32; }

 private:
  const std::shared_ptr<TowerScript> script_;
};

inline Result<std::shared_ptr<Engine>> open_fake_engine(const std::shared_ptr<TowerScript>& script, int max_batch) {
  return open_local_engine(
      tiny_info(), [script] { return Result<std::unique_ptr<VisionTower>>(std::make_unique<FakeTower>(script)); },
      max_batch);
}

// Where completions leave what they got: the tag of an embedding, or the kind of an error.
class Inbox {
 public:
  Session::Completion slot(int tag) {
    return [this, tag](Result<Embedding> result) {
      const std::lock_guard lock(mutex_);
      tags_.push_back(tag);
      results_.push_back(std::move(result));
      changed_.notify_all();
    };
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return tags_.size();
  }
  // The next three: once `count` completions have come.
  Tags tags(std::size_t count) {
    auto lock = wait_for(count);
    return tags_;
  }
  std::vector<Result<Embedding>> results(std::size_t count) {
    auto lock = wait_for(count);
    return results_;
  }
  bool all_are(std::size_t count, Error::Kind kind) {
    auto lock = wait_for(count);
    return std::ranges::all_of(results_, [&](const auto& result) { return !result && result.error().kind == kind; });
  }

 private:
  std::unique_lock<std::mutex> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tags_.size() >= count; });
    return lock;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Tags tags_;
  std::vector<Result<Embedding>> results_;
};

}  // namespace clipembed::test
