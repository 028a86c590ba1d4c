// SPDX-License-Identifier: MIT
// Result files: written aside as NAME.partial and then renamed, so that a reader sees a whole file or none.
#pragma once

#include <chg/tensor/array.hpp>
#include <chg/tensor/error.hpp>

#if __has_include(<xtensor/xnpy.hpp>)
#include <xtensor/xnpy.hpp>
#else
#include <xtensor/io/xnpy.hpp>
#endif

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <concepts>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>

namespace chg::run {

namespace detail {

inline std::filesystem::path aside(std::filesystem::path path) {
  path += ".partial";
  return path;
}

/// Removes NAME.partial, and throws with the operating system's reason.
[[noreturn]] inline void fail_to_write(std::filesystem::path const& path, int reason) {
  std::error_code ignored;
  std::filesystem::remove(aside(path), ignored);
  throw Error({path.string() + " cannot be written", "a file that can be written", std::generic_category().message(reason),
               reason == ENOSPC || reason == EDQUOT ? "Make room, or write elsewhere." : ""});
}

}  // namespace detail

/// Replaces the file `path` by these bytes, on disk before it is in place. Throws Error with the reason, leaving what was there.
inline void write_file(std::filesystem::path const& path, std::string_view bytes) {
  auto const file = ::open(detail::aside(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) detail::fail_to_write(path, errno);
  auto failed = 0;
  while (!bytes.empty() && failed == 0) {
    auto const written = ::write(file, bytes.data(), bytes.size());
    if (written >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (errno != EINTR)
      failed = errno;
  }
  if (failed == 0 && ::fsync(file) != 0 && errno != EINVAL) failed = errno;  // EINVAL: this kind of file has no disk below it
  if (::close(file) != 0 && failed == 0) failed = errno;
  std::error_code renamed;
  if (failed == 0) std::filesystem::rename(detail::aside(path), path, renamed);
  if (failed != 0 || renamed) detail::fail_to_write(path, failed != 0 ? failed : renamed.value());
}

/// Writes an array as .npy (C order), its numbers as Stored: float or double.
template <class Stored, std::size_t Axes>
void write_npy(std::filesystem::path const& path, Array<double, Axes> const& values) {
  static_assert(std::is_floating_point_v<Stored>,
                "chg::run::write_npy<Stored>: Stored must be float or double. Name it: write_npy<float>(path, values).");
  Array<Stored, Axes> const stored = xt::cast<Stored>(values);
  write_file(path, xt::dump_npy(stored));
}

/// Comma-separated text: one header row, then rows of as many fields. Numbers are the shortest text that reads back as they are.
class Csv {
 public:
  explicit Csv(std::initializer_list<std::string_view> columns) : columns_(columns.size()) {
    for (auto const name : columns) field(name);
    end();
  }

  /// Throws Error unless there is a field for each column.
  template <class... Fields>
  void row(Fields const&... fields) {
    check(sizeof...(fields) == columns_, "csv: row", text(columns_, " fields"), sizeof...(fields));
    (field(fields), ...);
    end();
  }

  std::string const& bytes() const { return bytes_; }

 private:
  template <class Number>
    requires std::integral<Number> || std::floating_point<Number>
  void field(Number number) {
    char digits[40];
    bytes_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr) += ',';
  }
  void field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
      bytes_.append(text) += ',';
      return;
    }
    bytes_ += '"';
    for (char const c : text) bytes_.append(c == '"' ? 2 : 1, c);
    bytes_ += "\",";
  }
  void end() { bytes_.back() = '\n'; }

  std::size_t columns_;
  std::string bytes_;
};

}  // namespace chg::run
