// SPDX-License-Identifier: MIT
#include <chg/tensor/threads.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <map>

using namespace chg;
using test::TemporaryDirectory;

namespace {

/// A folder that looks like / to the rule.
class Root {
 public:
  explicit Root(std::map<std::string, std::string> const& files) {
    for (auto const& [name, bytes] : files) {
      std::filesystem::create_directories((directory_.path() / name).parent_path());
      directory_.write(name, bytes);
    }
  }
  double quota() const { return cpu_quota(directory_.path()); }

 private:
  TemporaryDirectory directory_;
};

constexpr auto kUnified = "36 23 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

}  // namespace

TEST_CASE("cpu_quota: cgroup v2, the least of a cgroup and those above it", "[tensor]") {
  auto const with = [](std::string const& own, std::string const& above, std::string const& top) {
    return Root({{"proc/self/cgroup", "0::/kube/pod7\n"},
                 {"proc/self/mountinfo", kUnified},
                 {"sys/fs/cgroup/kube/pod7/cpu.max", own},
                 {"sys/fs/cgroup/kube/cpu.max", above},
                 {"sys/fs/cgroup/cpu.max", top}})
        .quota();
  };
  CHECK(with("150000 100000\n", "max 100000\n", "max 100000\n") == 1.5);
  CHECK(with("max 100000\n", "200000 100000\n", "400000 100000\n") == 2);
  CHECK(with("400000 100000\n", "max 100000\n", "50000 100000\n") == 0.5);
  CHECK(std::isinf(with("max 100000\n", "max 100000\n", "max 100000\n")));
  CHECK(std::isinf(with("", "-1\n", "nonsense 100000\n")));
  CHECK(std::isinf(with("100000 0\n", "0 100000\n", "100000\n")));
}

TEST_CASE("cpu_quota: cgroup v1, alone and beside v2, wherever the controller is mounted", "[tensor]") {
  auto const files = [](std::string const& folder) {
    return std::map<std::string, std::string>{{folder + "/cpu.cfs_quota_us", "250000\n"},
                                              {folder + "/cpu.cfs_period_us", "100000\n"}};
  };
  auto const quota = [&](std::string const& folder, std::string const& groups, std::string const& mounts) {
    auto all = files(folder);
    all["proc/self/cgroup"] = groups;
    all["proc/self/mountinfo"] = mounts;
    return Root(all).quota();
  };
  auto const v1 = "33 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";
  CHECK(quota("sys/fs/cgroup/cpu,cpuacct/job", "4:cpu,cpuacct:/job\n0::/\n", v1) == 2.5);
  CHECK(quota("sys/fs/cgroup/cpu", "1:cpu:/job/step\n", "") == 2.5);  // the usual place, of a cgroup above
  CHECK(quota("elsewhere", "1:cpu:/job\n", "33 31 0:29 /job /elsewhere rw - cgroup cgroup rw,cpu\n") == 2.5);
  CHECK(std::isinf(quota("sys/fs/cgroup/cpuset/job", "3:cpuset:/job\n", "")));
  auto unlimited = files("sys/fs/cgroup/cpu");
  unlimited["sys/fs/cgroup/cpu/cpu.cfs_quota_us"] = "-1\n";
  CHECK(std::isinf(Root(unlimited).quota()));
}

TEST_CASE("cpu_quota: a container sees its own cgroup as the root of a mount, or a path that is not in it", "[tensor]") {
  auto const with = [](std::string const& group, std::string const& mount_root) {
    return Root({{"proc/self/cgroup", "0::" + group + "\n"},
                 {"proc/self/mountinfo", "36 23 0:27 " + mount_root + " /sys/fs/cgroup ro - cgroup2 cgroup rw\n"},
                 {"sys/fs/cgroup/cpu.max", "100000 100000\n"},
                 {"sys/fs/cgroup/inner/cpu.max", "50000 100000\n"}})
        .quota();
  };
  CHECK(with("/docker/ab", "/docker/ab") == 1);
  CHECK(with("/docker/ab/inner", "/docker/ab") == 0.5);
  CHECK(with("/docker/abc", "/docker/ab") == 1);
  CHECK(with("/../other", "/") == 1);
  CHECK(std::isinf(Root({{"proc/self/mountinfo", "damaged"}, {"proc/self/cgroup", "\n:\n0:"}}).quota()));
  CHECK(std::isinf(Root({}).quota()));
}

TEST_CASE("threads_within: a quota is rounded up, and is no reason for more threads", "[tensor]") {
  CHECK(threads_within(1, 8) == 1);
  CHECK(threads_within(1.01, 8) == 2);
  CHECK(threads_within(0.25, 8) == 1);
  CHECK(threads_within(9, 8) == 8);
  CHECK(threads_within(std::numeric_limits<double>::infinity(), 3) == 3);
}

TEST_CASE("default_threads: OMP_NUM_THREADS and its call lower it, and never raise it", "[tensor]") {
  auto const before = omp_get_max_threads();
  set_default_threads(1);
  CHECK(default_threads() == 1);
  set_default_threads(10'000);
  CHECK(default_threads() <= omp_get_num_procs());
  set_default_threads(before);
}
