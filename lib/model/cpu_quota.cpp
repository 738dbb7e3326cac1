#include "lib/model/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace clipembed {
namespace {

namespace fs = std::filesystem;

enum class CgroupVersion { kV1, kV2 };

// A mounted cgroup hierarchy that controls CPU time.
struct Hierarchy {
  CgroupVersion version;
  fs::path mount_point;
  fs::path top;  // the cgroup that is seen at the mount point; not "/" in a v1 container
};

bool lists(const std::string& comma_separated, const std::string& word) {
  return ("," + comma_separated + ",").find("," + word + ",") != std::string::npos;
}

// Source: proc_pid_mountinfo(5): "36 35 98:0 /top /mount/point options [optional ...] - fstype source super-options".
std::vector<Hierarchy> cpu_hierarchies(const fs::path& root) {
  std::vector<Hierarchy> found;
  std::ifstream mountinfo(root / "proc/self/mountinfo");
  for (std::string line; std::getline(mountinfo, line);) {
    std::istringstream fields(line);
    std::string ignored, top, mount_point, word, type, source, options;
    fields >> ignored >> ignored >> ignored >> top >> mount_point;
    while (fields >> word && word != "-") continue;
    fields >> type >> source >> options;
    if (type == "cgroup2") found.push_back({CgroupVersion::kV2, mount_point, top});
    if (type == "cgroup" && lists(options, "cpu")) found.push_back({CgroupVersion::kV1, mount_point, top});
  }
  return found;
}

// Source: cgroups(7): "hierarchy:controllers:path", "0::path" for v2.
std::optional<fs::path> own_cgroup(const fs::path& root, CgroupVersion version) {
  std::ifstream cgroups(root / "proc/self/cgroup");
  for (std::string line; std::getline(cgroups, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == CgroupVersion::kV2 ? line.starts_with("0::") : lists(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

// `cgroup` as a path below the mount point. Empty where the mount shows no more than the top, or another part of the
// tree ("/..": the process is outside its cgroup namespace).
fs::path below_mount(const fs::path& cgroup, const fs::path& top) {
  const fs::path relative = cgroup.lexically_relative(top);
  return relative.empty() || relative == "." || *relative.begin() == ".." ? fs::path() : relative;
}

std::optional<int> whole_cpus(std::int64_t quota, std::int64_t period) {
  if (quota <= 0 || period <= 0) return std::nullopt;
  return static_cast<int>(std::min<std::int64_t>(1 + (quota - 1) / period, std::numeric_limits<int>::max()));
}

// Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst. "max" and -1 mean no limit.
std::optional<int> limit_of(const fs::path& directory, CgroupVersion version) {
  std::int64_t quota = 0, period = 0;
  if (version == CgroupVersion::kV2) {
    std::ifstream(directory / "cpu.max") >> quota >> period;
  } else {
    std::ifstream(directory / "cpu.cfs_quota_us") >> quota;
    std::ifstream(directory / "cpu.cfs_period_us") >> period;
  }
  return whole_cpus(quota, period);
}

std::optional<int> smaller(std::optional<int> a, std::optional<int> b) { return a && b ? std::min(a, b) : a ? a : b; }

// The mask has to be as large as the kernel's, which is larger than cpu_set_t on machines of more than 1024 CPUs.
int cpus_by_affinity() {
  for (int capacity = CPU_SETSIZE; capacity <= 1 << 20; capacity *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> mask(CPU_ALLOC(capacity), [](cpu_set_t* m) { CPU_FREE(m); });
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    if (mask && sched_getaffinity(0, bytes, mask.get()) == 0) return CPU_COUNT_S(bytes, mask.get());
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

std::optional<int> cgroup_cpu_limit(const fs::path& root) {
  std::optional<int> limit;
  for (const Hierarchy& hierarchy : cpu_hierarchies(root)) {
    const auto cgroup = own_cgroup(root, hierarchy.version);
    if (!cgroup) continue;
    const fs::path top = root / hierarchy.mount_point.relative_path();
    limit = smaller(limit, limit_of(top, hierarchy.version));
    fs::path directory = top;
    for (const fs::path& name : below_mount(*cgroup, hierarchy.top)) {
      directory /= name;
      limit = smaller(limit, limit_of(directory, hierarchy.version));
    }
  }
  return limit;
}

int usable_cpus(const fs::path& root) {
  const int allowed = cpus_by_affinity();
  return std::max(1, std::min(allowed, cgroup_cpu_limit(root).value_or(allowed)));
}

}  // namespace clipembed
