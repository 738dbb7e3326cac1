// Waiting entries of many callers, bounded. Callers take turns, one entry each; a caller's own entries of one lane keep
// their order. Entries are of two lanes, which are emptied independently: what waits in one does not hold up the other.
// A value; no locks.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <utility>

namespace clipembed {

enum class JobLane { kPicture = 0, kVideo = 1 };

template <class T>
class FairQueue {
 public:
  explicit FairQueue(std::size_t capacity) : capacity_(capacity) {}

  std::size_t size() const { return size_; }
  bool full() const { return size_ >= capacity_; }

  void push(const std::string& caller, JobLane lane, T entry) { lane_of(caller, lane).push_back(std::move(entry)); }
  // For an entry that was taken and could not be used: it is next. Beyond the capacity if need be.
  void push_front(const std::string& caller, JobLane lane, T entry) {
    lane_of(caller, lane).push_front(std::move(entry));
    auto& turns = turns_[index(lane)];
    const auto own = find(turns, caller);
    turns.splice(turns.begin(), turns, own);
  }

  // The next one of the caller whose turn it is.
  std::optional<T> take(JobLane lane) {
    auto& turns = turns_[index(lane)];
    if (turns.empty()) return std::nullopt;
    const auto turn = turns.begin();
    T entry = std::move(turn->entries.front());
    turn->entries.pop_front();
    --size_;
    if (turn->entries.empty()) {
      turns.erase(turn);
    } else {
      turns.splice(turns.end(), turns, turn);
    }
    return entry;
  }

  // The first entry that `matches`.
  template <class Predicate>
  std::optional<T> remove(Predicate matches) {
    for (auto& turns : turns_) {
      for (auto caller = turns.begin(); caller != turns.end(); ++caller) {
        const auto found = std::find_if(caller->entries.begin(), caller->entries.end(), matches);
        if (found == caller->entries.end()) continue;
        T entry = std::move(*found);
        caller->entries.erase(found);
        --size_;
        if (caller->entries.empty()) turns.erase(caller);
        return entry;
      }
    }
    return std::nullopt;
  }

 private:
  struct Caller {
    std::string name;
    std::deque<T> entries;  // never empty but while one is being added
  };

  static std::size_t index(JobLane lane) { return static_cast<std::size_t>(lane); }
  static auto find(std::list<Caller>& turns, const std::string& name) {
    return std::find_if(turns.begin(), turns.end(), [&](const Caller& caller) { return caller.name == name; });
  }
  std::deque<T>& lane_of(const std::string& caller, JobLane lane) {
    ++size_;
    auto& turns = turns_[index(lane)];
    const auto known = find(turns, caller);
    if (known != turns.end()) return known->entries;
    return turns.emplace_back(Caller{caller, {}}).entries;
  }

  const std::size_t capacity_;
  std::size_t size_ = 0;
  std::array<std::list<Caller>, 2> turns_;  // in the order in which they are served
};

}  // namespace clipembed
