// Locks this process in for good, once it has opened and loaded all it needs: from then on it computes, reads and
// writes the descriptors it has, starts threads, and gets memory up to a limit. It cannot open or look at files, make
// sockets or connect them, start programs or processes, trace or signal others, or gain privileges.
//
//   limits (rlimits) -> no capabilities, no new privileges -> Landlock: no file, no TCP -> seccomp: a list of calls
//
// A call that is not on the list fails as if the system lacked permission (EACCES, EPERM, ENOSYS), since decoders try
// things and go on without. The list holds for all threads; Landlock for this one and those it starts, so
// close_sandbox() wants to be called before there are others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/result.h"

namespace clipembed {

struct SandboxOptions {
  std::uint64_t memory = 0;  // bytes; 0: no limit
  std::vector<std::string> devices =
      {};  // may still be opened, read, written and controlled (ioctl), with what is below
};

// What this system lacks of it, in words for an administrator. Errors: kLibrary where seccomp does not work, or where
// devices are allowed and Landlock, which alone tells them from other files, is missing; kNotFound for a device that
// is not there.
Result<std::vector<std::string>> close_sandbox(const SandboxOptions& options);

}  // namespace clipembed
