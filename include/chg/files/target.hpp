// SPDX-License-Identifier: MIT
// Where the bytes of an output go: the place that a path stands for once links are followed, and what is there.
#pragma once

#include <chg/tensor/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

namespace chg::files {

namespace detail {

/// Throws the error of a place that cannot be written, with the operating system's reason.
[[noreturn]] inline void fail_to_write(std::filesystem::path const& path, int reason, std::string advice = "") {
  if (reason == ENOSPC || reason == EDQUOT) advice = "Make room, or write elsewhere.";
  if (reason == EMFILE) advice = "Allow more open files (ulimit -n).";
  throw Error({path.string() + " cannot be written", "a file that can be written", std::generic_category().message(reason),
               std::move(advice)});
}

}  // namespace detail

/// What a path stands for.
struct Target {
  std::filesystem::path path;  ///< no symbolic link; perhaps nothing is there yet
  bool there = false;
  struct ::stat status {};  ///< of what is there
  int descriptor = -1;      ///< of this program, where the path names one: /dev/stdout, /dev/fd/N

  bool regular() const { return there && S_ISREG(status.st_mode); }
  std::filesystem::path folder() const { return path.has_parent_path() ? path.parent_path() : std::filesystem::path("."); }
};

/// Follows symbolic links, also to what is not there yet. Throws Error where that is not possible, with the reason.
inline Target target_of(std::filesystem::path const& named) {
  Target target{named};
  constexpr int kMostLinks = 40;  // of Linux
  for (int links = 0;; ++links) {
    if (!target.path.has_filename()) detail::fail_to_write(named, ENOTDIR);
    target.there = ::lstat(target.path.c_str(), &target.status) == 0;
    if (!target.there && errno != ENOENT) detail::fail_to_write(named, errno);
    if (!target.there || !S_ISLNK(target.status.st_mode)) return target;
    if (links == kMostLinks) detail::fail_to_write(named, ELOOP);
    std::error_code failed;
    // Links of Linux's /proc/PID/fd lead to what is open, wherever its name leads: a pipe has none, and a file may be open to append.
    auto const folder = std::filesystem::canonical(target.folder(), failed).string();
    if (!failed && folder.starts_with("/proc/") && folder.ends_with("/fd")) {
      auto const number = target.path.filename().string();
      auto const ours = folder.starts_with("/proc/" + std::to_string(::getpid()) + "/");
      auto const [end, bad] = std::from_chars(number.data(), number.data() + number.size(), target.descriptor);
      if (!ours || bad != std::errc() || end != number.data() + number.size()) detail::fail_to_write(named, EACCES);
      return target;
    }
    auto const next = std::filesystem::read_symlink(target.path, failed);
    if (failed) detail::fail_to_write(named, failed.value());
    target.path = next.is_absolute() ? next : target.folder() / next;
  }
}

/// Whether both paths lead to one file that is there.
inline bool same_file(std::filesystem::path const& a, std::filesystem::path const& b) {
  struct ::stat of_a {
  }, of_b{};
  return ::stat(a.c_str(), &of_a) == 0 && ::stat(b.c_str(), &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
         of_a.st_ino == of_b.st_ino;
}

}  // namespace chg::files
