// SPDX-License-Identifier: MIT
// How many threads a process gets when nobody says, and whether they can be started.
//
//     min(processors that it may run on, OMP_NUM_THREADS, quota / period rounded up, of its cgroup and of all above it)
//
// Threads beyond the CPU quota of a container or a batch job are stopped for the rest of each period, and whoever waits for them at
// the end of a parallel region too. Files: cgroups(7), cgroup v2 (cpu.max), cgroup v1 (cpu.cfs_quota_us), proc_pid_mountinfo(5).
#pragma once

#include <chg/tensor/error.hpp>
#include <chg/tensor/read_whole.hpp>

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace chg {

namespace detail {

inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

/// Where the files of this process's cgroup lie, and those of every cgroup above it: v2, and the hierarchy of a v1 controller. Of
/// mount points and of the usual places, since a sandbox may show either alone.
struct CgroupFolders {
  std::vector<std::filesystem::path> v2, v1;
};

/// Whether a list like "rw,cpu,cpuacct" has the word.
inline bool lists(std::string const& list, std::string const& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

inline CgroupFolders cgroup_folders(std::filesystem::path const& root, std::string const& controller) {
  namespace fs = std::filesystem;
  std::string path_v2 = "/", path_v1 = "/";
  auto const groups = system_text(root / "proc/self/cgroup");
  for (std::string_view rest = groups; !rest.empty();) {  // number:controllers:path
    auto const line = take_line(rest);
    auto const first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    auto const controllers = std::string(line.substr(first + 1, second - first - 1));
    if (controllers.empty()) path_v2 = line.substr(second + 1);
    if (lists(controllers, controller)) path_v1 = line.substr(second + 1);
  }
  CgroupFolders found;
  auto const add = [&](std::vector<fs::path>& folders, std::string const& mount, std::string const& mount_root, std::string path) {
    auto const base = root / fs::path(mount).relative_path();
    if (mount_root != "/") path = (path + "/").starts_with(mount_root + "/") ? path.substr(mount_root.size()) : "";
    if (path.find("..") == std::string::npos)  // a cgroup outside the namespace shows as "/..": only its mount can be read
      for (auto below = fs::path(path).relative_path(); !below.empty(); below = below.parent_path()) folders.push_back(base / below);
    folders.push_back(base);
  };
  auto const mounts = system_text(root / "proc/self/mountinfo");
  for (std::string_view rest = mounts; !rest.empty();) {
    auto const fields = words_of(take_line(rest));  // id parent device root mount options [fields] - type source options
    auto const dash = static_cast<std::size_t>(std::find(fields.begin(), fields.end(), "-") - fields.begin());
    if (dash < 6 || dash + 3 >= fields.size()) continue;
    auto const &mount_root = fields[3], &mount = fields[4], &type = fields[dash + 1], &options = fields[dash + 3];
    if (type == "cgroup2") add(found.v2, mount, mount_root, path_v2);
    if (type == "cgroup" && lists(options, controller)) add(found.v1, mount, mount_root, path_v1);
  }
  add(found.v2, "/sys/fs/cgroup", "/", path_v2);
  add(found.v2, "/sys/fs/cgroup/unified", "/", path_v2);
  for (auto const* name : {"cpu", "cpu,cpuacct", "memory"})
    if (lists(name, controller)) add(found.v1, text("/sys/fs/cgroup/", name), "/", path_v1);
  return found;
}

/// The first words of a file as numbers; what is no number, "max" for instance, or is not there, is no limit.
inline double number_in(std::filesystem::path const& file, std::size_t place = 0) {
  auto const words = words_of(system_text(file));
  if (words.size() <= place) return kNoLimit;
  char* end = nullptr;
  auto const value = std::strtod(words[place].c_str(), &end);
  return *end == '\0' && std::isfinite(value) ? value : kNoLimit;
}

}  // namespace detail

/// Processors' worth of time that the cgroup of this process may take; infinity where it has no quota. root: where /proc and /sys
/// are, for tests.
inline double cpu_quota(std::filesystem::path const& root = "/") {
  auto least = detail::kNoLimit;
  auto const take = [&](double quota, double period) {
    if (quota > 0 && period > 0 && std::isfinite(quota) && std::isfinite(period)) least = std::min(least, quota / period);
  };
  auto const folders = detail::cgroup_folders(root, "cpu");
  for (auto const& folder : folders.v2) take(detail::number_in(folder / "cpu.max"), detail::number_in(folder / "cpu.max", 1));
  for (auto const& folder : folders.v1)
    take(detail::number_in(folder / "cpu.cfs_quota_us"), detail::number_in(folder / "cpu.cfs_period_us"));
  return least;
}

/// As many threads as a quota of processors' worth of time keeps busy, at most `threads`, at least one.
inline int threads_within(double quota, int threads) {
  return std::max(1, quota < threads ? static_cast<int>(std::ceil(quota)) : threads);
}

/// The number of threads where none is asked for.
inline int default_threads() {
  static auto const quota = cpu_quota();
  return threads_within(quota, std::min(omp_get_num_procs(), omp_get_max_threads()));
}

/// Lowers default_threads() of the calling thread, as OMP_NUM_THREADS does.
inline void set_default_threads(int threads) { omp_set_num_threads(threads); }

/// Throws Error unless so many threads, the calling one among them, can run at once; OpenMP would end the program. Asks the system
/// only for more than it gave before.
inline void check_threads(int threads) {
  static std::atomic<int> given = 1;
  if (threads <= given) return;
  std::vector<std::thread> others;
  others.reserve(static_cast<std::size_t>(threads) - 1);
  std::error_code failure;
  {
    std::mutex gate;
    std::unique_lock closed(gate);
    try {
      while (static_cast<int>(others.size()) + 1 < threads) others.emplace_back([&gate] { std::lock_guard const pass(gate); });
    } catch (std::system_error const& e) {
      failure = e.code();
    } catch (std::bad_alloc const&) {
      failure = std::make_error_code(std::errc::not_enough_memory);
    }
    closed.unlock();
    for (auto& other : others) other.join();
  }
  if (failure)
    throw Error({"threads", text(threads, " that run at once"), text(others.size() + 1, ", then \"", failure.message(), '"'),
                 "Use fewer (--threads), or allow more (ulimit -u, ulimit -v, pids.max of the cgroup)."});
  given = std::max(given.load(), threads);
}

}  // namespace chg
