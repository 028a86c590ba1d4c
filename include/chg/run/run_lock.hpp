// SPDX-License-Identifier: MIT
// Keeps a second program out of a run directory: a lock on a file, which the system gives back when a process ends in whatever way.
#pragma once

#include <chg/tensor/error.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <utility>

namespace chg::run {

class RunLock {
 public:
  RunLock() = default;
  RunLock(RunLock const&) = delete;
  RunLock& operator=(RunLock const&) = delete;
  ~RunLock() { release(false); }

  bool held() const { return file_ >= 0; }
  bool made() const { return made_; }

  /// Takes the lock, making the file where it is missing: 0, or errno. make_folder() makes the folder of the file, which another
  /// program that finishes may just have removed. Throws Error, with `name` for the run, while another program has the lock.
  template <class MakeFolder>
  int take(std::filesystem::path file, std::string const& name, MakeFolder const& make_folder) {
    path_ = file.string();
    auto failed = EBUSY;
    for (int tries = 0; tries < 1000; ++tries) {
      make_folder();
      auto opened = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
      made_ = opened >= 0;
      if (!made_ && errno == EEXIST) opened = ::open(path_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
      if (opened < 0) {
        failed = errno;
        if (failed == ENOENT || failed == EINTR) continue;
        return failed;
      }
      file_ = opened;
      auto const locked = lock();
      if (locked == EACCES || locked == EAGAIN) {
        ::close(std::exchange(file_, -1));
        made_ = false;
        throw Error({name + " is being written by another program", "a run that nobody is writing", "one with a lock on it",
                     "Wait for it, or end it."});
      }
      // Other failures are those of file systems that have no locks: go without. A file whose name another program has removed
      // keeps nobody out.
      struct ::stat named {
      }, mine{};
      if (::stat(path_.c_str(), &named) != 0 || ::fstat(file_, &mine) != 0) {
        failed = errno;
        if (failed != ENOENT) return release(made_), failed;
      } else if (named.st_dev == mine.st_dev && named.st_ino == mine.st_ino) {
        return 0;
      }
      ::close(std::exchange(file_, -1));
      failed = EBUSY;
    }
    return failed;
  }

  /// Gives it back; with `remove` the file goes too.
  void release(bool remove) noexcept {
    if (file_ < 0) return;
    if (remove) ::unlink(path_.c_str());
    ::close(std::exchange(file_, -1));
    made_ = false;
  }

 private:
  /// 0, or errno. A lock of the open file where there is such a thing: it also keeps out other objects of this process.
  int lock() const {
    struct ::flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
#if defined(F_OFD_SETLK)
    for (;;) {
      if (::fcntl(file_, F_OFD_SETLK, &whole) == 0) return 0;
      if (errno == EINVAL) break;
      if (errno != EINTR) return errno;
    }
#endif
    while (::fcntl(file_, F_SETLK, &whole) != 0)
      if (errno != EINTR) return errno;
    return 0;
  }

  std::string path_;
  int file_ = -1;
  bool made_ = false;
};

}  // namespace chg::run
