#include "tools/clipembedd/worker/system_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

namespace clipembed {
namespace {

// Names that an architecture or libseccomp does not know are left out.
constexpr const char* kAllowed[] = {
    // memory
    "brk", "madvise", "membarrier", "mlock", "mmap", "mmap2", "mprotect", "mremap", "msync", "munlock", "munmap",
    // descriptors that are there, and those that connect threads of this process
    "_llseek", "close", "close_range", "dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl",
    "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "fadvise64", "fcntl", "fcntl64", "fstat",
    "fstat64", "fstatfs", "lseek", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pread64", "preadv", "preadv2",
    "pselect6", "read", "readv", "recv", "recvfrom", "recvmsg", "select", "send", "sendmsg", "sendto", "shutdown",
    "write", "writev", "getsockopt", "getsockname", "getpeername",
    // time
    "clock_getres", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64", "gettimeofday",
    "nanosleep", "time", "times",
    // threads and locks
    "exit", "exit_group", "futex", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list",
    "getcpu", "gettid", "restart_syscall", "rseq", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list",
    "set_thread_area", "set_tid_address", "arch_prctl",
    // signals of its own
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "sigreturn",
    // what it is
    "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getuid", "sysinfo", "ugetrlimit", "uname"};

// Decoders and the C library look for files, and go on without.
constexpr const char* kNoSuchRight[] = {"access",     "faccessat", "faccessat2", "getcwd",  "getdents64", "lstat",
                                        "newfstatat", "open",      "openat",     "openat2", "readlink",   "readlinkat",
                                        "stat",       "statfs",    "statx",      "creat",   "connect",    "socket"};

struct Released {
  void operator()(void* filter) const { seccomp_release(filter); }
};

class Filter {
 public:
  Filter() : filter_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}

  template <class... Conditions>
  void add(std::uint32_t action, const char* name, Conditions... conditions) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error_ != 0) return;  // not of this architecture
    error_ = filter_ ? seccomp_rule_add(filter_.get(), action, number, sizeof...(conditions), conditions...) : -ENOMEM;
  }

  Status load() {
    if (error_ == 0) error_ = seccomp_attr_set(filter_.get(), SCMP_FLTATR_CTL_TSYNC, 1);
    if (error_ == 0) error_ = seccomp_load(filter_.get());
    if (error_ == 0) return ok();
    return Error{Error::Kind::kLibrary, "seccomp does not work here: " + std::generic_category().message(-error_)};
  }

 private:
  std::unique_ptr<void, Released> filter_;
  int error_ = 0;
};

// A thread is a clone() with this flag; without it, a process. The flags of clone3() are out of a filter's reach:
// ENOSYS makes the C library use clone().
void allow_threads(Filter& filter) {
  filter.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  filter.add(SCMP_ACT_ALLOW, "tgkill", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid())));
  for (const int about : {PR_SET_NAME, PR_GET_NAME, PR_SET_VMA, PR_GET_TIMERSLACK})
    filter.add(SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(about)));
  // GStreamer's polls are woken through a pair.
  filter.add(SCMP_ACT_ALLOW, "socketpair", SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
  // Its limits may be read, not written: the third argument is the new one.
  filter.add(SCMP_ACT_ALLOW, "prlimit64", SCMP_A2(SCMP_CMP_EQ, 0));
}

void allow_devices(Filter& filter) {
  for (const char* call :
       {"open", "openat", "ioctl", "access", "faccessat", "faccessat2", "fstatfs", "getdents64", "newfstatat",
        "readlink", "readlinkat", "stat", "lstat", "statx", "ftruncate", "memfd_create"})
    filter.add(SCMP_ACT_ALLOW, call);
}

}  // namespace

Status apply_system_call_filter(bool devices) {
  Filter filter;
  for (const char* call : kAllowed) filter.add(SCMP_ACT_ALLOW, call);
  allow_threads(filter);
  if (devices) {
    allow_devices(filter);
  } else {
    for (const char* call : kNoSuchRight) filter.add(SCMP_ACT_ERRNO(EACCES), call);
    filter.add(SCMP_ACT_ERRNO(ENOTTY), "ioctl");
  }
  return filter.load();
}

}  // namespace clipembed
