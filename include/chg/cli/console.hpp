// SPDX-License-Identifier: MIT
// What a command says on the terminal: progress, errors, results. Only results must arrive; for the rest there may be no reader.
#pragma once

#include <chg/cli/settings.hpp>
#include <chg/files/write_file.hpp>
#include <chg/gate/fit_options.hpp>
#include <chg/tensor/notice.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <initializer_list>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace chg::cli {

/// Whether escape sequences may be written to a stream, for colours or to rewrite a line: to a terminal that TERM names and does
/// not call dumb, unless NO_COLOR is set and not empty (no-color.org).
inline bool escapes(int stream) {
  auto const value = [](char const* name) {
    auto const* const set = std::getenv(name);
    return std::string_view(set == nullptr ? "" : set);
  };
  return ::isatty(stream) != 0 && !value("TERM").empty() && value("TERM") != "dumb" && value("NO_COLOR").empty();
}

/// "1:05:09", "5:09"
inline std::string duration_text(double seconds) {
  auto const s = static_cast<long>(seconds);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60) : fmt::format("{}:{:02}", s / 60, s % 60);
}

/// Columns of the terminal that a stream goes to, as it is now; where it does not say, COLUMNS or 80.
inline std::size_t columns_of(int stream) {
  ::winsize size{};
  if (::ioctl(stream, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  std::string_view const named = std::getenv("COLUMNS") ? std::getenv("COLUMNS") : "";
  std::size_t columns = 0;
  auto const [end, failure] = std::from_chars(named.data(), named.data() + named.size(), columns);
  return failure == std::errc() && end == named.data() + named.size() && columns > 0 ? columns : 80;
}

/// The beginning of a line that a terminal of so many columns shows without a second line: control characters become spaces, and a
/// character beyond ASCII may take two columns.
inline std::string shortened(std::string_view line, std::size_t columns) {
  std::string out;
  std::size_t taken = 0;
  for (auto const c : line) {
    auto const byte = static_cast<unsigned char>(c);
    auto const goes_on = (byte & 0xC0) == 0x80;
    taken += goes_on ? 0 : byte < 0x80 ? 1 : 2;
    if (taken > columns) break;
    out += byte < 0x20 || byte == 0x7F ? ' ' : c;
  }
  return out;
}

/// One part of a line of progress; of the parts that a terminal has no room for, the one of highest rank goes first.
struct LinePart {
  std::string text;
  int rank;
};

/// As many parts as there is room for, two spaces between them.
inline std::string joined(std::initializer_list<LinePart> all, std::size_t columns) {
  auto most = 0;
  for (auto const& part : all) most = std::max(most, part.rank);
  for (std::string line;; --most, line.clear()) {
    for (auto const& part : all)
      if (part.rank <= most) line += (line.empty() ? "" : "  ") + part.text;
    if (line.size() <= columns || most <= 0) return shortened(line, columns);
  }
}

/// "[######..................]  rest": a bar of 24 columns before the rest of a line, of fewer where there is no room, and none of
/// fewer than 6.
inline std::string with_bar(Index done, Index total, std::string const& rest, std::size_t columns) {
  constexpr std::size_t kWidest = 24, kNarrowest = 6, kBeside = 4;
  if (columns < rest.size() + kBeside + kNarrowest) return rest;
  auto const width = std::min(kWidest, columns - rest.size() - kBeside);
  auto const full = static_cast<std::size_t>(static_cast<Index>(width) * done / std::max<Index>(1, total));
  return "[" + std::string(full, '#') + std::string(width - full, '.') + "]  " + rest;
}

/// A line on stderr that rewrites itself in place on a terminal of its own width; otherwise a line at most every ten seconds. There
/// is one at a time.
class StatusLine {
 public:
  explicit StatusLine(Settings const& s)
      : rewritten_(escapes(2)), shown_(!s.quiet && (::isatty(2) != 0 || s.progress)) {}
  StatusLine(StatusLine const&) = delete;
  StatusLine& operator=(StatusLine const&) = delete;
  ~StatusLine() { clear(); }

  /// Whether it is time for another line; the last one is always shown.
  bool due(bool last) {
    auto const now = Clock::now();
    if (!shown_ || (!last && now < next_)) return false;
    next_ = now + std::chrono::milliseconds(rewritten_ ? 100 : 10'000);
    return true;
  }

  /// text(columns): what to show in that many columns.
  template <class Text>
  void show(Text const& text) {
    if (!rewritten_) return write_stderr(text(std::size_t{1} << 20) + '\n');
    auto line = text(columns_of(2) - 1);  // the last column would begin the next line
    if (line.starts_with('[')) line = "\x1b[32m" + line.insert(line.find(']') + 1, "\x1b[0m");
    write_stderr("\r" + line + "\x1b[K");
    on_screen() = true;
  }

  /// Takes the line off the screen, if there is one: before other lines are written.
  static void clear() noexcept {
    if (on_screen().exchange(false)) write_stderr("\r\x1b[K");
  }

 private:
  using Clock = std::chrono::steady_clock;
  static std::atomic<bool>& on_screen() {
    static std::atomic<bool> value = false;
    return value;
  }

  bool rewritten_, shown_;
  Clock::time_point next_{};
};

/// How far a fit is: bar, phase, updates a second, time left, NLL. A narrow terminal loses the bar first, then the speed, the NLL
/// and the time.
class ProgressLine {
 public:
  explicit ProgressLine(Settings const& s) : line_(s) {}

  void show(Progress const& p) {
    auto const now = Clock::now();
    if (first_done_ < 0) {  // rates are of what this program does, from its first update on
      first_done_ = p.done, began_ = now;
      return;
    }
    if (!line_.due(p.done >= p.total)) return;
    auto const seconds = std::chrono::duration<double>(now - began_).count();
    auto const rate = static_cast<double>(p.done - first_done_) / std::max(seconds, 1e-9);
    auto const left = duration_text(static_cast<double>(p.total - p.done) / rate);
    line_.show([&](std::size_t columns) {
      auto const rest = joined({{fmt::format("{} {}/{}", name(p.phase), p.update, p.updates), 0},
                                {fmt::format("{:.3g} updates/s", rate), 3},
                                {left + " left", 1},
                                {fmt::format("nll {:.4f}", p.nll), 2}},
                               columns);
      return with_bar(p.done, p.total, rest, columns);
    });
  }

  void clear() { line_.clear(); }

 private:
  using Clock = std::chrono::steady_clock;
  StatusLine line_;
  Index first_done_ = -1;
  Clock::time_point began_{};
};

/// The same while weights are read, from the first second of loading on.
class LoadingLine {
 public:
  LoadingLine(Settings const& s, std::string model) : line_(s), model_(std::move(model)) {}

  /// Of the numbers in the file.
  void show(Index done, Index total) {
    if (Clock::now() < began_ + std::chrono::seconds(1) || !line_.due(done >= total)) return;
    line_.show([&](std::size_t columns) {
      return with_bar(done, total, shortened((done < total ? "loading " : "packing the weights of ") + model_, columns), columns);
    });
  }

 private:
  using Clock = std::chrono::steady_clock;
  StatusLine line_;
  std::string model_;
  Clock::time_point began_ = Clock::now();
};

/// Text for a person, put together by <<. Memory that runs out is thrown on, where another stream would end in the middle.
class TextStream : public std::ostringstream {
 public:
  TextStream() { exceptions(std::ios::badbit); }
};

/// Text that a shell reads back as one word.
inline std::string shell_word(std::string const& word) {
  if (!word.empty() &&
      word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:=,+@%") == std::string::npos)
    return word;
  std::string out = "'";
  for (char const c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// One line on stderr, whatever the message holds: control characters become spaces. Needs no memory beyond the stack.
inline void print_line(std::string_view begin, std::string_view message) noexcept {
  StatusLine::clear();
  char line[4096];
  std::size_t size = 0;
  auto const put = [&](char c) {
    if (size == sizeof line) write_stderr({line, size}), size = 0;
    line[size++] = c;
  };
  for (auto const c : begin) put(c);
  for (auto const c : message) put(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
  put('\n');
  write_stderr({line, size});
}

inline void print_error(std::string_view message) noexcept { print_line("chg: error: ", message); }

/// Writes all of it to stdout, waiting for a reader where stdout does not block. Throws Error with the reason when that fails: a
/// full disk behind a redirection, or a closed pipe.
inline void print_out(std::string_view text) {
  if (auto const failed = files::write_all(1, text); failed != 0)
    throw Error({"standard output", "a place that can be written", std::generic_category().message(failed), ""});
}

}  // namespace chg::cli
