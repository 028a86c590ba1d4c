// SPDX-License-Identifier: MIT
// An output is looked at before any work: whether it can be written, and that it is none of the inputs.
#pragma once

#include <chg/files/write_file.hpp>

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace chg::files {

/// Throws Error when `out` leads to the same file as one of `inputs`, by whatever names and links.
inline void check_is_no_input(std::filesystem::path const& out, std::vector<std::filesystem::path> const& inputs) {
  for (auto const& input : inputs)
    check(!same_file(out, input), out.string() + " would be overwritten", "an output that is none of the inputs",
          input.string() + ", which this command reads", "Choose another name.");
}

/// Throws Error now, and not after hours, when write_file could not write there, or would write over one of `inputs`. Changes
/// nothing.
inline void check_output(std::filesystem::path const& out, std::vector<std::filesystem::path> const& inputs = {}) {
  auto const target = target_of(out);
  if (target.descriptor >= 0) {
    auto const flags = ::fcntl(target.descriptor, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) detail::fail_to_write(out, EBADF);
    return;
  }
  auto const may = [](std::filesystem::path const& path, int what) {
    return ::faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0 ? 0 : errno;
  };
  std::error_code unknown;
  check(std::filesystem::is_directory(target.folder(), unknown), "the folder of " + out.string(), "a folder that is there",
        "none", "Make it first.");
  if (target.there) {
    check(!S_ISDIR(target.status.st_mode), out.string(), "a name for a file", "a folder");
    check(!S_ISBLK(target.status.st_mode), out.string(), "a file, a pipe or a terminal", "a disk");
    if (auto const failed = may(target.path, W_OK); failed != 0) detail::fail_to_write(out, failed);
    if (!target.regular()) return;
#if defined(STATX_ATTR_MOUNT_ROOT)  // Linux 5.8
    struct ::statx more {};
    if (target.status.st_size != 0 && ::statx(AT_FDCWD, target.path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &more) == 0 &&
        (more.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0)
      detail::fail_to_write(out, EBUSY, detail::kEmptyItFirst);
#endif
  }
  check_is_no_input(out, inputs);
  auto const failed = may(target.folder(), W_OK | X_OK);
  if (failed == 0 || (target.there && target.status.st_size == 0)) return;
  detail::fail_to_write(out, failed, target.there ? detail::kEmptyItFirst : "");
}

}  // namespace chg::files
