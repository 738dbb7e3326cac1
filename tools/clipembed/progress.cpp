#include "tools/clipembed/progress.h"

#include <glib.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace clipembed {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr double kBarWidth = 20;

// COLUMNS, else what the terminal says, else 80.
glong terminal_width() {
  if (const char* columns = getenv("COLUMNS"))
    if (const long width = strtol(columns, nullptr, 10); width > 0) return width;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

std::string minutes(double seconds) {
  const auto whole = static_cast<long>(seconds);
  char text[32];
  std::snprintf(text, sizeof text, "%02ld:%02ld", whole / 60, whole % 60);
  return text;
}

}  // namespace

Progress::Progress(Unit unit) : unit_(unit), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::uint64_t done, std::uint64_t total, std::string_view current) {
  const auto now = Clock::now();
  if (!terminal_ || now - drawn_at_ < kRedraw) return;
  drawn_at_ = now;
  drawn_ = true;
  g_autofree char* valid = g_utf8_make_valid(line(done, total, current).c_str(), -1);
  g_autofree char* fitting = g_utf8_substring(valid, 0, std::min(g_utf8_strlen(valid, -1), terminal_width() - 1));
  std::fprintf(stderr, "\r%s\x1b[K", fitting);  // and erases the rest of the line
}

void Progress::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\x1b[K", stderr);
}

std::string Progress::amount(double value) const {
  if (unit_ == Unit::kFiles) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", value);
    return text;
  }
  g_autofree char* size = g_format_size(static_cast<guint64>(value));
  return size;
}

std::string Progress::line(std::uint64_t done, std::uint64_t total, std::string_view current) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = static_cast<double>(done) / std::max(elapsed, 1e-3);
  const double part = total > 0 ? std::min(1.0, static_cast<double>(done) / static_cast<double>(total)) : 0;
  const auto filled = static_cast<std::size_t>(part * kBarWidth);
  std::string text =
      "[" + std::string(filled, '=') + std::string(static_cast<std::size_t>(kBarWidth) - filled, ' ') + "] ";
  text += unit_ == Unit::kFiles ? std::to_string(done) + "/" + std::to_string(total)
                                : amount(static_cast<double>(done)) + " of " + amount(static_cast<double>(total));
  if (done > 0)
    text += "  " + amount(rate) + "/s  " + minutes(static_cast<double>(total - std::min(done, total)) / rate) + " left";
  return text + "  " + std::string(current);
}

}  // namespace clipembed
