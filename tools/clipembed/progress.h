// A progress bar on standard error, drawn only where that is a terminal. Main thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace clipembed {

class Progress {
 public:
  enum class Unit { kFiles, kBytes };

  explicit Progress(Unit unit);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Redraws at most ten times a second. `current` is what is worked on.
  void show(std::uint64_t done, std::uint64_t total, std::string_view current);
  // Before anything else is printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  std::string line(std::uint64_t done, std::uint64_t total, std::string_view current) const;
  std::string amount(double value) const;

  const Unit unit_;
  const bool terminal_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point drawn_at_{};
  bool drawn_ = false;
};

}  // namespace clipembed
