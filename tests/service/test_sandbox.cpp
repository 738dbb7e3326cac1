// What a decode worker cannot do: the whole sandbox, seen from inside a worker's pipeline; and each of its walls alone,
// so that one holds where the other has a hole.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <sstream>
#include <thread>

#include "tests/service/pool_bench.h"
#include "tools/clipembedd/worker/landlock.h"
#include "tools/clipembedd/worker/system_calls.h"

using namespace clipembed;
using namespace clipembed::test;

namespace {

// "upload-0: open=EACCES fork=EPERM ..." -> what came of each attempt.
std::map<std::string, std::string> attempts_in(const std::string& message) {
  std::map<std::string, std::string> attempts;
  std::istringstream words(message);
  for (std::string word; words >> word;) {
    if (const std::size_t equals = word.find('='); equals != std::string::npos)
      attempts[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return attempts;
}

std::map<std::string, std::string> attempts_of(PoolOptions options) {
  PoolBench bench(std::move(options));
  const auto result = bench.outcome(bench.submit(png_with(1)));
  ck_assert_msg(!result, "the probe did not report");
  return attempts_in(result.error().message);
}

// Runs it in a process of its own, which gives what it returns.
int in_a_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert_msg(WIFEXITED(status), "the child was killed by signal %d", WTERMSIG(status));
  return WEXITSTATUS(status);
}

int error_of(long result) { return result >= 0 ? 0 : errno; }

bool no_landlock() {
  if (landlock_version() > 0) return false;
  std::puts("SKIP: this kernel has no Landlock");
  return true;
}

}  // namespace

START_TEST(a_worker_can_reach_no_file_network_or_process) {
  auto attempts = attempts_of(one_probe("report"));
  ck_assert_str_eq(attempts["thread"].c_str(), "done");
  attempts.erase("thread");
  ck_assert_uint_ge(attempts.size(), 20);
  for (const auto& [what, result] : attempts)
    ck_assert_msg(result == "EACCES" || result == "EPERM" || result == "ENOSYS", "%s: %s", what.c_str(),
                  result.c_str());
}
END_TEST

// That the test above can fail.
START_TEST(without_a_sandbox_a_worker_can_reach_files) {
  PoolOptions options = one_probe("report");
  options.sandbox = false;
  auto attempts = attempts_of(options);
  for (const char* what : {"open", "stat", "inet", "fork", "thread"}) ck_assert_str_eq(attempts[what].c_str(), "done");
}
END_TEST

START_TEST(an_allowed_device_can_be_opened_and_other_files_cannot) {
  if (no_landlock()) return;
  PoolOptions options = one_probe("report");
  options.devices = {"/dev/null"};
  auto attempts = attempts_of(options);
  for (const char* what : {"open", "create"}) ck_assert_str_eq(attempts[what].c_str(), "EACCES");
  for (const char* what : {"exec", "fork", "inet", "connect"}) ck_assert_str_ne(attempts[what].c_str(), "done");
}
END_TEST

START_TEST(landlock_alone_keeps_files_and_tcp_away) {
  if (no_landlock()) return;
  ck_assert_int_eq(in_a_child([] {
                     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                     if (!apply_landlock(landlock_version(), {"/dev/null"})) return 1;
                     if (error_of(open("/etc/passwd", O_RDONLY)) != EACCES) return 2;
                     if (error_of(open("/tmp/landlock-test", O_RDWR | O_CREAT, 0600)) != EACCES) return 3;
                     if (error_of(open("/dev/null", O_RDWR)) != 0) return 4;
                     const int tcp = socket(AF_INET, SOCK_STREAM, 0);
                     sockaddr_in nobody{.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = {}, .sin_zero = {}};
                     nobody.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                     const int refused =
                         error_of(connect(tcp, reinterpret_cast<const sockaddr*>(&nobody), sizeof nobody));
                     return landlock_version() >= 4 && refused != EACCES ? 5 : 0;
                   }),
                   0);
}
END_TEST

START_TEST(a_device_that_is_not_there_is_an_error) {
  if (no_landlock()) return;
  expect_error(apply_landlock(landlock_version(), {"/dev/absent"}), Error::Kind::kNotFound, {"/dev/absent"});
}
END_TEST

START_TEST(the_filter_alone_keeps_files_sockets_and_processes_away) {
  ck_assert_int_eq(in_a_child([] {
                     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                     if (!apply_system_call_filter(false)) return 1;
                     if (error_of(open("/etc/passwd", O_RDONLY)) != EACCES) return 2;
                     if (error_of(socket(AF_INET, SOCK_STREAM, 0)) != EACCES) return 3;
                     if (error_of(fork()) != EPERM) return 4;
                     if (error_of(execl("/bin/true", "true", nullptr)) != EPERM) return 5;
                     if (error_of(kill(getppid(), 0)) != EPERM) return 6;
                     return 0;
                   }),
                   0);
}
END_TEST

START_TEST(the_filter_holds_threads_that_were_there_before) {
  ck_assert_int_eq(in_a_child([] {
                     std::promise<void> filtered;
                     int refused = 0;
                     std::jthread before([&] {
                       filtered.get_future().wait();
                       refused = error_of(open("/etc/passwd", O_RDONLY));
                     });
                     prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                     if (!apply_system_call_filter(false)) return 1;
                     filtered.set_value();
                     before.join();
                     return refused == EACCES ? 0 : 2;
                   }),
                   0);
}
END_TEST

int main() {
  return run_suite("sandbox",
                   {a_worker_can_reach_no_file_network_or_process, without_a_sandbox_a_worker_can_reach_files,
                    an_allowed_device_can_be_opened_and_other_files_cannot, landlock_alone_keeps_files_and_tcp_away,
                    a_device_that_is_not_there_is_an_error, the_filter_alone_keeps_files_sockets_and_processes_away,
                    the_filter_holds_threads_that_were_there_before});
}
