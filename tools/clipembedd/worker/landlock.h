// Landlock: a process gives up files and the network by itself, for itself and what it starts (Linux 5.13 and later).
#pragma once

#include <string>
#include <vector>

#include "lib/result.h"

namespace clipembed {

// Version of the kernel's interface; 0 where there is none.
int landlock_version();

// Gives up every file but `devices` and what lies below them, TCP (version 4), and abstract sockets and signals of
// others (version 6), for the calling thread and those it will start. Precondition: no new privileges, version > 0.
// Errors: kNotFound for a device that is not there; kLibrary.
Status apply_landlock(int version, const std::vector<std::string>& devices);

}  // namespace clipembed
