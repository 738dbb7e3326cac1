// A clipembedd of the benchmark's own at a free port of the loopback interface, ended with its owner.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace bench {

class Daemon {
 public:
  // Exits with a message where it does not become ready within a minute.
  Daemon(const std::string& program, const std::string& model, const std::vector<std::string>& flags = {});
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::chrono::steady_clock::duration time_to_ready() const { return time_to_ready_; }
  double megabytes() const;             // resident, of the daemon itself
  double megabytes_of_workers() const;  // of all of them together, what they do not share

 private:
  int port_ = 0;
  pid_t pid_ = 0;
  std::chrono::steady_clock::duration time_to_ready_{};
};

}  // namespace bench
