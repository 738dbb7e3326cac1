// Cgroup limits of either version, in trees made for the test.
#include <sched.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lib/model/cpu_quota.h"
#include "tests/unit/suite.h"

using namespace clipembed;

namespace {

namespace fs = std::filesystem;

// A root with /proc/self and what a test puts beside it.
class FakeRoot {
 public:
  FakeRoot(const std::string& cgroup, const std::string& mountinfo) {
    std::string pattern = fs::temp_directory_path() / "clipembed-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(pattern.data()));
    path_ = pattern;
    write("proc/self/cgroup", cgroup);
    write("proc/self/mountinfo", mountinfo);
  }
  ~FakeRoot() { fs::remove_all(path_); }

  const fs::path& path() const { return path_; }
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file) << text << '\n';
  }

 private:
  fs::path path_;
};

const std::string kMountV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string kMountV1 = "36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n";

}  // namespace

START_TEST(no_cgroup_is_no_limit) {
  const FakeRoot root("", "");
  ck_assert(!cgroup_cpu_limit(root.path()));
}
END_TEST

START_TEST(a_root_without_proc_is_no_limit) { ck_assert(!cgroup_cpu_limit("/no/such/root")); }
END_TEST

START_TEST(max_is_no_limit) {
  const FakeRoot root("0::/user.slice", kMountV2);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "max 100000");
  ck_assert(!cgroup_cpu_limit(root.path()));
}
END_TEST

START_TEST(a_quota_is_its_share_of_the_period) {
  const FakeRoot root("0::/user.slice", kMountV2);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "400000 100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 4);
}
END_TEST

START_TEST(a_part_of_a_cpu_counts_as_one) {
  const FakeRoot root("0::/user.slice", kMountV2);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "250000 100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 3);
}
END_TEST

START_TEST(the_smallest_limit_on_the_way_to_the_root_counts) {
  const FakeRoot root("0::/pod/container/worker", kMountV2);
  root.write("sys/fs/cgroup/pod/cpu.max", "800000 100000");
  root.write("sys/fs/cgroup/pod/container/cpu.max", "200000 100000");
  root.write("sys/fs/cgroup/pod/container/worker/cpu.max", "max 100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 2);
}
END_TEST

START_TEST(a_container_finds_its_limit_at_the_mount_point) {
  const FakeRoot root("0::/", kMountV2);
  root.write("sys/fs/cgroup/cpu.max", "150000 100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 2);
}
END_TEST

START_TEST(a_cgroup_outside_the_namespace_is_not_followed) {
  const FakeRoot root("0::/../other", kMountV2);
  root.write("sys/fs/cgroup/cpu.max", "300000 100000");
  root.write("sys/fs/other/cpu.max", "100000 100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 3);
}
END_TEST

START_TEST(version_1_is_understood) {
  const FakeRoot root("4:memory:/jobs\n2:cpu,cpuacct:/jobs", kMountV1);
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "150000");
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "50000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 3);
}
END_TEST

START_TEST(minus_one_is_no_limit_in_version_1) {
  const FakeRoot root("2:cpu,cpuacct:/jobs", kMountV1);
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "-1");
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000");
  ck_assert(!cgroup_cpu_limit(root.path()));
}
END_TEST

START_TEST(a_version_1_container_sees_its_own_cgroup_at_the_mount_point) {
  const FakeRoot root("2:cpu,cpuacct:/docker/abc",
                      "36 31 0:33 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 2);
}
END_TEST

START_TEST(both_versions_side_by_side_are_both_asked) {
  const FakeRoot root("2:cpu,cpuacct:/jobs\n0::/jobs", kMountV1 + kMountV2);
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "100000");
  root.write("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "100000");
  ck_assert_int_eq(cgroup_cpu_limit(root.path()).value(), 1);
}
END_TEST

START_TEST(nonsense_is_no_limit) {
  for (const std::string text : {"", "x y", "100000 0", "100000 -5", "0 100000", "99999999999999999999 1"}) {
    const FakeRoot root("0::/", "short line\n" + kMountV2 + "- - -\n");
    root.write("sys/fs/cgroup/cpu.max", text);
    ck_assert_int_gt(cgroup_cpu_limit(root.path()).value_or(1000), 100);
  }
}
END_TEST

START_TEST(without_a_limit_threads_are_the_cpus_of_the_affinity_mask) {
  cpu_set_t mask;
  ck_assert_int_eq(sched_getaffinity(0, sizeof(mask), &mask), 0);
  ck_assert_int_eq(usable_cpus("/no/such/root"), CPU_COUNT(&mask));
}
END_TEST

START_TEST(a_pinned_thread_uses_what_it_is_pinned_to) {
  cpu_set_t all, one;
  ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
  const int usable = usable_cpus("/no/such/root");
  ck_assert_int_eq(sched_setaffinity(0, sizeof(all), &all), 0);
  ck_assert_int_eq(usable, 1);
}
END_TEST

START_TEST(a_limit_of_less_than_a_cpu_still_leaves_one_thread) {
  const FakeRoot root("0::/", kMountV2);
  root.write("sys/fs/cgroup/cpu.max", "1000 100000");
  ck_assert_int_eq(usable_cpus(root.path()), 1);
}
END_TEST

int main() {
  return run_suite(
      "cpu_quota",
      {no_cgroup_is_no_limit, a_root_without_proc_is_no_limit, max_is_no_limit, a_quota_is_its_share_of_the_period,
       a_part_of_a_cpu_counts_as_one, the_smallest_limit_on_the_way_to_the_root_counts,
       a_container_finds_its_limit_at_the_mount_point, a_cgroup_outside_the_namespace_is_not_followed,
       version_1_is_understood, minus_one_is_no_limit_in_version_1,
       a_version_1_container_sees_its_own_cgroup_at_the_mount_point, both_versions_side_by_side_are_both_asked,
       nonsense_is_no_limit, without_a_limit_threads_are_the_cpus_of_the_affinity_mask,
       a_pinned_thread_uses_what_it_is_pinned_to, a_limit_of_less_than_a_cpu_still_leaves_one_thread});
}
