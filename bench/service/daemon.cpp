#include "bench/service/daemon.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>

#include "bench/service/http_client.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;

int free_port() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  close(descriptor);
  return ntohs(address.sin_port);
}

pid_t start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "clipembedd-bench.log",
                                   O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == 0) return pid;
  std::fprintf(stderr, "service: cannot start %s\n", arguments[0]);
  std::exit(1);
}

// A field of /proc/PID/status that is in kilobytes.
double status_megabytes_of(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    double kilobytes = 0;
    if (word == field + ":" && status >> kilobytes) return kilobytes / 1024;
  }
  return 0;
}

}  // namespace

Daemon::Daemon(const std::string& program, const std::string& model, const std::vector<std::string>& flags)
    : port_(free_port()) {
  std::vector<std::string> command = {program, "--listen=127.0.0.1:" + std::to_string(port_), "--model=" + model};
  command.insert(command.end(), flags.begin(), flags.end());
  const auto begin = Clock::now();
  pid_ = start(command);
  while (HttpClient(port_).get("/health/ready").status != 200) {
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_ || Clock::now() - begin > std::chrono::minutes(1)) {
      std::fprintf(stderr, "service: clipembedd does not become ready, see clipembedd-bench.log\n");
      kill(pid_, SIGKILL);
      std::exit(1);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  time_to_ready_ = Clock::now() - begin;
}

Daemon::~Daemon() {
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

double Daemon::megabytes() const { return status_megabytes_of(pid_, "VmRSS"); }

double Daemon::megabytes_of_workers() const {
  double sum = 0;
  std::ifstream children("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) + "/children");
  for (pid_t child = 0; children >> child;) sum += status_megabytes_of(child, "RssAnon");
  return sum;
}

}  // namespace bench
