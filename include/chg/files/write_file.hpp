// SPDX-License-Identifier: MIT
// The one way in which files are written: afterwards the old file is there whole, or the new one is, on disk; never a part.
//
// what the path names                  what happens
// nothing, a regular file              the bytes go to a new file beside it, .NAME.chg- and six characters, which takes the name
// a symbolic link                      the same where it points to, in that folder; the link stays
// a pipe, a terminal, a device         the bytes are written into it, as they are into /dev/stdout and /dev/fd/N
// a file that cannot be replaced       written into where it is empty, so that nothing can be lost; otherwise refused:
//                                      a file mounted by itself, or in a folder that may not be written
//
// Mode, group and owner of an old file are kept (what belongs to a group that cannot be kept is taken from its members). Other
// hard links to it keep the old bytes. A program that is killed leaves the file beside it.
#pragma once

#include <chg/files/target.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace chg::files {

/// Writes all of it to an open file, waiting where a pipe does not block: errno of the first failure, or 0.
inline int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const written = ::write(file, bytes.data(), bytes.size());
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written == 0) {
      return EIO;
    } else if (errno == EAGAIN) {  // a pipe that its other side made non-blocking
      ::pollfd room{file, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

namespace detail {

/// Waits until it is on disk: errno, or 0. Pipes, devices and some file systems know no such thing, which is no failure.
inline int sync(int file) {
  while (::fsync(file) != 0) {
    if (errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP || errno == ENOTSUP) return 0;
    if (errno != EINTR) return errno;
  }
  return 0;
}

/// The file is closed whatever close says; interrupted, it has nothing to say about the bytes.
inline int close(int file) { return ::close(file) == 0 || errno == EINTR ? 0 : errno; }

/// Writes into what is there: errno, or 0.
inline int write_into(std::filesystem::path const& path, std::string_view bytes) {
  auto const file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) return errno;
  auto failed = write_all(file, bytes);
  if (failed == 0) failed = sync(file);
  auto const closed = close(file);
  return failed != 0 ? failed : closed;
}

/// A new file beside another, under a name that nobody has; removed unless it takes the other's place.
class FileBeside {
 public:
  FileBeside(Target const& target) : target_(target) {
    // 255 bytes is the longest name of the file systems in use; the end of the template takes 12.
    auto const name = target.path.filename().string().substr(0, 240);
    path_ = (target.folder() / ("." + name + ".chg-")).string();
    auto const stem = path_.size();
    auto const mode = target.there ? 0600 : 0666;  // a new file: less the umask
    auto draw = static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) ^
                static_cast<std::uint64_t>(::getpid()) << 32;
    for (int tries = 0; tries < 100; ++tries) {
      path_.resize(stem);
      draw = draw * 6364136223846793005U + 1442695040888963407U;  // Knuth's constants for numbers modulo 2^64
      for (int i = 0; i < 6; ++i) path_ += "abcdefghijklmnopqrstuvwxyz234567"[draw >> (34 + 5 * i) & 31];
      file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
      failed_ = file_ < 0 ? errno : 0;
      if (failed_ != EEXIST && failed_ != EINTR) break;
    }
    made_ = failed_ == 0;
  }
  FileBeside(FileBeside const&) = delete;
  FileBeside& operator=(FileBeside const&) = delete;
  ~FileBeside() {
    if (file_ >= 0) ::close(file_);
    if (made_) ::unlink(path_.c_str());
  }

  /// Each of these gives errno, or 0.
  int failed() const { return failed_; }
  int write(std::string_view bytes) {
    auto failed = target_.there ? take_mode() : 0;
    if (failed == 0) failed = write_all(file_, bytes);
    if (failed == 0) failed = sync(file_);
    auto const closed = close(std::exchange(file_, -1));
    return failed != 0 ? failed : closed;
  }
  int take_place() {
    if (std::rename(path_.c_str(), target_.path.c_str()) != 0) return errno;
    made_ = false;
    return 0;
  }

 private:
  int take_mode() {
    auto const& old = target_.status;
    auto mode = old.st_mode & 07777;
    struct ::stat mine {};
    if (::fstat(file_, &mine) != 0) return errno;
    auto const other = mine.st_uid != old.st_uid || mine.st_gid != old.st_gid;
    if (other && ::fchown(file_, old.st_uid, old.st_gid) != 0) {
      if (mine.st_gid != old.st_gid && ::fchown(file_, static_cast<::uid_t>(-1), old.st_gid) != 0)
        mode = (mode & ~static_cast<::mode_t>(06070)) | (mode & 07) << 3;  // for another group no more than for all
      mode &= ~static_cast<::mode_t>(06000);
    }
    return ::fchmod(file_, mode) == 0 || errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP ? 0 : errno;
  }

  Target const& target_;
  std::string path_;
  int file_ = -1, failed_ = 0;
  bool made_ = false;
};

/// Whether a failure says that the file itself may be written, but no other put in its place.
inline bool not_replaceable(int failed) {
  return failed == EACCES || failed == EPERM || failed == EROFS || failed == EBUSY || failed == EXDEV;
}

inline constexpr char const* kEmptyItFirst =
    "No file can be put in its place, and writing over it could lose what it holds: write elsewhere, or empty it first.";

}  // namespace detail

/// Puts on disk what was done to the names in a folder; errno, or 0. A folder that may not be read is passed over.
inline int sync_folder(std::filesystem::path const& folder) {
  auto const file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EIO ? errno : 0;
  auto const failed = detail::sync(file);
  ::close(file);
  return failed;
}

/// Writes these bytes to where `path` leads (table above). Throws Error with the reason; what was there is unharmed then, except
/// when the disk fails (EIO) after the new file has taken its place.
inline void write_file(std::filesystem::path const& path, std::string_view bytes) {
  auto const target = target_of(path);
  auto failed = 0;
  if (target.descriptor >= 0) {
    failed = write_all(target.descriptor, bytes);
  } else if (target.there && S_ISDIR(target.status.st_mode)) {
    failed = EISDIR;
  } else if (target.there && !target.regular()) {
    failed = detail::write_into(target.path, bytes);
  } else {
    detail::FileBeside beside(target);
    failed = beside.failed();
    if (failed == 0) {
      failed = beside.write(bytes);
      if (failed != 0) detail::fail_to_write(path, failed);
      failed = beside.take_place();
    }
    if (failed == 0) {
      failed = sync_folder(target.folder());
    } else if (target.regular() && detail::not_replaceable(failed)) {
      if (target.status.st_size != 0) detail::fail_to_write(path, failed, detail::kEmptyItFirst);
      failed = detail::write_into(target.path, bytes);
    }
  }
  if (failed != 0) detail::fail_to_write(path, failed);
}

}  // namespace chg::files
