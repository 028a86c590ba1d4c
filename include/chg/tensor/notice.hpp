// SPDX-License-Identifier: MIT
// Notices: what is no error and yet must not pass in silence, one line each, said once.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace chg {

/// Writes to stderr as much as can be written: a closed terminal or a full disk behind a redirection is no reason to stop.
inline void write_stderr(std::string_view text) noexcept {
  while (!text.empty()) {
    auto const written = ::write(2, text.data(), text.size());
    if (written <= 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
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
