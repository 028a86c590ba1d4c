// SPDX-License-Identifier: MIT
// Notices: what is no error and yet must not pass in silence, one line each, said once.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace chg {

/// Writes to stderr as much as can be written: a closed terminal or a full disk behind a redirection is no reason to stop. A
/// stderr that does not block is waited for, a second at most.
inline void write_stderr(std::string_view text) noexcept {
  for (auto waits = 0; !text.empty();) {
    auto const written = ::write(2, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && waits++ < 10) {
      ::pollfd stream{2, POLLOUT, 0};
      ::poll(&stream, 1, 100);
    } else if (written == 0 || errno != EINTR) {
      return;
    }
  }
}

/// Puts something that can be neither read nor written on each standard stream that is closed: the next file to be opened would
/// take its place, and error messages would go into it. To be called first in a program.
inline void occupy_closed_streams() noexcept {
  for (int const stream : {0, 1, 2}) {
    if (::fcntl(stream, F_GETFD) >= 0 || errno != EBADF) continue;
    if (::open("/dev/null", stream == 0 ? O_WRONLY : O_RDONLY) < 0) ::open("/", O_RDONLY);  // either gets the lowest number
  }
}

/// Takes the text of a notice, without a line end.
using NoticeHandler = std::function<void(std::string const&)>;

namespace detail {

struct Notices {
  std::mutex mutex;
  NoticeHandler handler = [](std::string const& line) { write_stderr("chg: notice: " + line + "\n"); };
  std::set<std::string, std::less<>> said;
};

inline Notices& notices() {
  static Notices all;
  return all;
}

}  // namespace detail

/// Says `line` unless it was said before. Any thread may call it; a text that names each of many things should name them together.
inline void notice(std::string_view line) {
  auto& all = detail::notices();
  std::lock_guard const lock(all.mutex);
  auto const [said, fresh] = all.said.emplace(line);
  if (fresh && all.handler) all.handler(*said);
}

/// Puts another handler in place of the one that writes "chg: notice: LINE" to stderr, an empty one for silence; what was said
/// before may be said again. Returns the handler before.
inline NoticeHandler set_notice_handler(NoticeHandler handler) {
  auto& all = detail::notices();
  std::lock_guard const lock(all.mutex);
  all.said.clear();
  return std::exchange(all.handler, std::move(handler));
}

}  // namespace chg
