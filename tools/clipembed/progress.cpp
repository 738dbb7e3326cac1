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

// COLUMNS, else what the terminal says, else 80.
glong terminal_width() {
  if (const char* columns = getenv("COLUMNS"))
    if (const long width = strtol(columns, nullptr, 10); width > 0) return width;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

Progress::Progress(ProgressUnit unit) : unit_(unit), terminal_(isatty(STDERR_FILENO) == 1) {}

void Progress::show(std::uint64_t done, std::uint64_t total, std::string_view current,
                    std::optional<MediaProgress> place) {
  const auto now = Clock::now();
  if (!terminal_ || now - drawn_at_ < kRedraw) return;
  drawn_at_ = now;
  drawn_ = true;
  if (place && std::exchange(video_, current) != current) video_start_ = now;
  const std::string line = progress_line({.unit = unit_,
                                          .done = done,
                                          .total = total,
                                          .elapsed = now - start_,
                                          .current = std::string(current),
                                          .place = place,
                                          .place_elapsed = now - video_start_});
  g_autofree char* valid = g_utf8_make_valid(line.c_str(), -1);
  g_autofree char* fitting = g_utf8_substring(valid, 0, std::min(g_utf8_strlen(valid, -1), terminal_width() - 1));
  std::fprintf(stderr, "\r%s\x1b[K", fitting);  // and erases the rest of the line
}

void Progress::clear() {
  if (!std::exchange(drawn_, false)) return;
  std::fputs("\r\x1b[K", stderr);
}

}  // namespace clipembed
