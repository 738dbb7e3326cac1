// The system calls that a locked-in decode worker may make, as a seccomp filter.
#pragma once

#include "lib/result.h"

namespace clipembed {

// For every thread of this process, for good. `devices`: files may be opened and controlled; what may be is Landlock's.
// Precondition: no new privileges. Errors: kLibrary.
Status apply_system_call_filter(bool devices);

}  // namespace clipembed
