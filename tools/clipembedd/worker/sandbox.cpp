#include "tools/clipembedd/worker/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "tools/clipembedd/worker/landlock.h"
#include "tools/clipembedd/worker/system_calls.h"

namespace clipembed {
namespace {

constexpr rlim_t kDescriptors = 512;  // GStreamer's buses and polls use a few an element

bool limit(int resource, rlim_t value) {
  const rlimit both{.rlim_cur = value, .rlim_max = value};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &both) == 0;
}

// Of memory it is the data that is limited: address space is used up by what libraries only reserve.
Status set_limits(std::uint64_t memory) {
  signal(SIGXFSZ, SIG_IGN);  // a write to a file fails instead
  bool set = limit(RLIMIT_CORE, 0) && limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_MEMLOCK, 0) && limit(RLIMIT_MSGQUEUE, 0);
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  set = set && limit(RLIMIT_NOFILE, std::min(kDescriptors, descriptors.rlim_max));
  // A sanitizer's own memory is terabytes of address space that count as data.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  if (memory > 0) set = set && limit(RLIMIT_DATA, memory);
#else
  static_cast<void>(memory);
#endif
  if (set) return ok();
  return Error{Error::Kind::kLibrary, "the limits cannot be set: " + std::generic_category().message(errno)};
}

// What a root's worker could otherwise still do to what it can reach.
void drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[2] = {};
  syscall(SYS_capset, &header, none);
}

bool has_other_threads() {
  std::error_code unreadable;
  std::size_t threads = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", unreadable)) {
    static_cast<void>(task);
    ++threads;
  }
  return threads > 1;
}

}  // namespace

Result<std::vector<std::string>> close_sandbox(const SandboxOptions& options) {
  std::vector<std::string> warnings;
  const int landlock = landlock_version();
  if (landlock == 0) {
    if (!options.devices.empty())
      return Error{Error::Kind::kLibrary, "devices for decoders need Landlock (Linux 5.13 or later), which is missing"};
    warnings.emplace_back("this kernel has no Landlock: decode workers are held by seccomp and limits alone");
  } else if (has_other_threads()) {
    warnings.emplace_back("a plugin has started a thread while it was loaded, which Landlock does not hold");
  }
  if (Status limited = set_limits(options.memory); !limited) return std::move(limited).error();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return Error{Error::Kind::kLibrary, "no_new_privs: " + std::generic_category().message(errno)};
  if (landlock > 0) {
    if (Status applied = apply_landlock(landlock, options.devices); !applied) return std::move(applied).error();
  }
  drop_capabilities();
  prctl(PR_SET_DUMPABLE, 0);
  if (Status applied = apply_system_call_filter(!options.devices.empty()); !applied) return std::move(applied).error();
  return warnings;
}

}  // namespace clipembed
