#include "tools/hub/backoff.h"

#include <algorithm>
#include <format>
#include <random>
#include <string>

namespace clipembed {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestDelay = 60s;

}  // namespace

Status pause(std::chrono::milliseconds duration, GCancellable* cancellable) {
  GPollFD cancelled{};
  const bool pollable = cancellable && g_cancellable_make_pollfd(cancellable, &cancelled);
  g_poll(&cancelled, pollable ? 1 : 0, static_cast<int>(duration.count()));
  if (pollable) g_cancellable_release_fd(cancellable);
  if (g_cancellable_is_cancelled(cancellable)) return Error{Error::Kind::kCancelled, "cancelled"};
  return ok();
}

std::chrono::milliseconds Backoff::next_delay() const {
  if (asked_) return *asked_;
  // Half to one and a half of first_delay * 2^n, so that clients that failed together do not come back together.
  static thread_local std::minstd_rand random{std::random_device{}()};
  const auto mean = options_.first_delay * (std::int64_t{1} << std::min(failures_ - 1, 16));
  std::uniform_real_distribution<double> jitter(0.5, 1.5);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(std::min<std::chrono::milliseconds>(mean, kLongestDelay).count() * jitter(random)));
}

Status Backoff::wait(const Error& failure) {
  if (failure.kind != Error::Kind::kNetwork || ++failures_ >= options_.tries) return failure;
  const auto delay = next_delay();
  if (asked_ && *asked_ > kLongestDelay) {
    return Error{failure.kind, failure.message + "; the server asks to wait " + std::to_string(asked_->count()) + " s"};
  }
  asked_.reset();
  if (options_.notice)
    options_.notice(std::format("{}; trying again in {:.1f} s", failure.message, delay.count() / 1e3));
  return pause(delay, options_.cancellable);
}

}  // namespace clipembed
