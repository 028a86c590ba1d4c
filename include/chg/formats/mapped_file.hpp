// SPDX-License-Identifier: MIT
// A file mapped into memory for reading (POSIX): its bytes are paged in when they are used, and cost no memory of their own.
#pragma once

#include <chg/tensor/error.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

namespace chg::formats {

namespace detail {
/// The operating system's words for errno, for the "got" of an error.
inline std::string last_system_error() { return std::generic_category().message(errno); }
}  // namespace detail

/// Owns the mapping; moves, does not copy. The file must not shrink while it is mapped: the system then ends the program on
/// access (SIGBUS). Reading from several threads is safe.
class MappedFile {
 public:
  /// Throws Error naming the file when it is not a regular file that can be read. An empty file gives no bytes.
  explicit MappedFile(std::filesystem::path path) : path_(std::move(path)) {
    // O_NONBLOCK: opening a named pipe would wait for a writer.
    auto const file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) fail("a file that can be read", detail::last_system_error());
    struct stat status {};
    auto const known = ::fstat(file, &status) == 0;
    auto const regular = known && S_ISREG(status.st_mode);
    auto const size = regular ? static_cast<std::size_t>(status.st_size) : 0;
    auto* const data = size > 0 ? ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0) : nullptr;
    auto const why = detail::last_system_error();
    ::close(file);
    if (!regular) fail("a regular file", known ? "a directory or a device" : why);
    if (data == MAP_FAILED) fail("a file that can be mapped into memory", why);
    bytes_ = {static_cast<std::byte const*>(data), size};
  }

  MappedFile(MappedFile&& other) noexcept : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  std::filesystem::path const& path() const { return path_; }
  std::span<std::byte const> bytes() const { return bytes_; }
  /// Takes the whole pages of `used`, a part of bytes(), out of this process's memory; used again, they are paged in again.
  void release(std::span<std::byte const> used) const {
    auto const page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    auto const first = static_cast<std::size_t>(used.data() - bytes_.data());
    auto const begin = (first + page - 1) / page * page, end = (first + used.size()) / page * page;
    if (begin < end) ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
  }
  std::string_view chars() const { return {reinterpret_cast<char const*>(bytes_.data()), bytes_.size()}; }

 private:
  [[noreturn]] void fail(char const* expected, std::string got) const {
    throw Error({path_.string() + " cannot be read", expected, std::move(got), ""});
  }

  std::filesystem::path path_;
  std::span<std::byte const> bytes_;
};

}  // namespace chg::formats
