// One call from the default main context after a while; none once this is stopped or gone.
#pragma once

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace clipembed {

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { stop(); }

  // Instead of what was to be called before. 0: as soon as the main loop is reached again.
  void start(std::chrono::nanoseconds after, std::function<void()> call) {
    stop();
    call_ = std::move(call);
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(after).count();
    source_ = g_timeout_add(static_cast<guint>(std::clamp<gint64>(wait, 0, G_MAXINT)), fire, this);
  }
  void stop() {
    if (source_ != 0) g_source_remove(std::exchange(source_, 0));
  }
  bool running() const { return source_ != 0; }

 private:
  static gboolean fire(gpointer data) {
    auto* self = static_cast<Timer*>(data);
    self->source_ = 0;
    const auto call = std::move(self->call_);  // which may start this timer anew, or destroy it
    call();
    return G_SOURCE_REMOVE;
  }

  guint source_ = 0;
  std::function<void()> call_;
};

}  // namespace clipembed
