// SPDX-License-Identifier: MIT
// All bytes of a file, a pipe or a file of the system (/proc, /sys), which have no size beforehand. Where memory runs out,
// std::bad_alloc gets to the caller: streams of the standard library swallow it and end as at the end of the file, and some take
// an error of the system for that end too.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace chg {

/// Appends what is left to read of a descriptor: 0, or errno. One that does not block is waited for.
inline int read_whole(int file, std::string& bytes) {
  char piece[1 << 14];
  for (;;) {
    auto const size = ::read(file, piece, sizeof piece);
    if (size == 0) return 0;
    if (size > 0) {
      bytes.append(piece, static_cast<std::size_t>(size));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      ::pollfd stream{file, POLLIN, 0};
      ::poll(&stream, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

/// The same of a path.
inline int read_whole(std::filesystem::path const& path, std::string& bytes) {
  struct Open {
    int file;
    ~Open() {
      if (file >= 0) ::close(file);
    }
  } const open{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  return open.file < 0 ? errno : read_whole(open.file, bytes);
}

namespace detail {

/// What a file of the system says; nothing where it cannot be read.
inline std::string system_text(std::filesystem::path const& file) {
  std::string all;
  if (read_whole(file, all) != 0) all.clear();
  return all;
}

/// Takes the first line off a text, and gives it without its end.
inline std::string_view take_line(std::string_view& text) {
  auto const line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

/// What stands between white space.
inline std::vector<std::string> words_of(std::string_view text) {
  constexpr auto kSpace = " \t\r\n";
  std::vector<std::string> words;
  for (std::size_t end = 0;;) {
    auto const begin = text.find_first_not_of(kSpace, end);
    if (begin == std::string_view::npos) return words;
    end = std::min(text.find_first_of(kSpace, begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
  }
}

}  // namespace detail

}  // namespace chg
