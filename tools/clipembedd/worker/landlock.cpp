#include "tools/clipembedd/worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <system_error>

#include "tools/hub/file_descriptor.h"

namespace clipembed {
namespace {

std::string reason() { return std::generic_category().message(errno); }

// All rights that this version knows: what is handled and not granted is refused. Source: linux/landlock.h and
// Documentation/userspace-api/landlock.rst, "Previous limitations".
landlock_ruleset_attr everything(int version) {
  landlock_ruleset_attr all{};
  constexpr std::uint64_t kFirstFileRights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
  all.handled_access_fs = kFirstFileRights;
  if (version >= 2) all.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) all.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
  if (version >= 4) all.handled_access_net = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
  if (version >= 5) all.handled_access_fs |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
  if (version >= 6) all.scoped = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
  return all;
}

// Earlier kernels know a shorter structure, and refuse what is not zero beyond it.
std::size_t attribute_size(int version) {
  if (version >= 6) return sizeof(landlock_ruleset_attr);
  return version >= 4 ? offsetof(landlock_ruleset_attr, scoped) : offsetof(landlock_ruleset_attr, handled_access_net);
}

Status allow(int ruleset, std::uint64_t handled, const std::string& device) {
  const FileDescriptor place(open(device.c_str(), O_PATH | O_CLOEXEC));
  struct stat status{};
  if (!place || fstat(place.get(), &status) != 0)
    return Error{Error::Kind::kNotFound, "the device " + device + " that decoders may use: " + reason()};
  std::uint64_t rights = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_IOCTL_DEV;
  if (S_ISDIR(status.st_mode)) rights |= LANDLOCK_ACCESS_FS_READ_DIR;
  const landlock_path_beneath_attr beneath{.allowed_access = rights & handled, .parent_fd = place.get()};
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0) return ok();
  return Error{Error::Kind::kLibrary, "Landlock does not take the device " + device + ": " + reason()};
}

}  // namespace

int landlock_version() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version > 0 ? static_cast<int>(version) : 0;
}

Status apply_landlock(int version, const std::vector<std::string>& devices) {
  const landlock_ruleset_attr all = everything(version);
  const FileDescriptor ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &all, attribute_size(version), 0)));
  if (!ruleset) return Error{Error::Kind::kLibrary, "Landlock does not work: " + reason()};
  for (const std::string& device : devices) {
    if (Status allowed = allow(ruleset.get(), all.handled_access_fs, device); !allowed) return allowed;
  }
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return Error{Error::Kind::kLibrary, "Landlock does not work: " + reason()};
  return ok();
}

}  // namespace clipembed
