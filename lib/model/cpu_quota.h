// How many threads are worth starting: a container with two CPUs of quota on a 64-core host runs slower with 64 threads
// than with two, because the kernel stops all of them once the quota of the period is used up.
#pragma once

#include <filesystem>
#include <optional>

namespace clipembed {

// The smallest CPU quota on the way from this process's cgroup to the root, rounded up to whole CPUs; nothing where
// there is no limit. Reads cgroup v2 (cpu.max) and v1 (cpu.cfs_quota_us), wherever they are mounted.
// `root` is where /proc and /sys are looked for.
std::optional<int> cgroup_cpu_limit(const std::filesystem::path& root = "/");

// The CPUs this thread may run on, within the cgroup's limit; at least 1.
int usable_cpus(const std::filesystem::path& root = "/");

}  // namespace clipembed
