// The daemon's log on standard error: one line a request, and what else happens. JSON for programs, plain text at a
// terminal; under systemd each line begins with its priority, which the journal takes off. Main-loop thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace clipembed {

struct AccessRecord {
  std::string request_id, peer, method, path;
  int status = 0;
  std::string error;  // label; empty: none
  std::string detail;
  std::uint64_t bytes_in = 0;
  std::size_t files = 0;
  std::chrono::nanoseconds duration{};
};

class AccessLog {
 public:
  enum class Level { kError = 3, kWarning = 4, kInfo = 6 };  // syslog's

  // "auto", "json" or "plain"
  explicit AccessLog(std::string_view format);

  void request(const AccessRecord& record);
  void event(Level level, std::string_view message);

 private:
  void write(Level level, const std::string& line);

  bool json_ = true;
  bool journal_ = false;
};

}  // namespace clipembed
