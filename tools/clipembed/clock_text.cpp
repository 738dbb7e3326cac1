#include "tools/clipembed/clock_text.h"

#include <cstdint>
#include <cstdlib>
#include <format>

namespace clipembed {

std::string clock_text(std::chrono::nanoseconds time, int decimals) {
  std::int64_t parts_in_second = 1;
  for (int i = 0; i < decimals; ++i) parts_in_second *= 10;
  const std::int64_t part = 1'000'000'000 / parts_in_second;
  const std::int64_t parts = (std::abs(time.count()) + part / 2) / part;
  const std::int64_t seconds = parts / parts_in_second, minutes = seconds / 60, hours = minutes / 60;

  std::string text = time.count() < 0 && parts > 0 ? "-" : "";
  text += hours > 0 ? std::format("{}:{:02}", hours, minutes % 60) : std::format("{}", minutes);
  text += std::format(":{:02}", seconds % 60);
  if (decimals > 0) text += std::format(".{:0{}}", parts % parts_in_second, decimals);
  return text;
}

}  // namespace clipembed
