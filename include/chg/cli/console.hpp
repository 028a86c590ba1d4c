// SPDX-License-Identifier: MIT
// What a command says on the terminal, and how it is interrupted.
#pragma once

#include <chg/cli/settings.hpp>
#include <chg/gate/fit_options.hpp>

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

namespace chg::cli {

/// Thrown when the user stopped a command that saved where it was; the program ends with status 130.
struct Interrupted {
  std::string message;
};

/// Ctrl-C and SIGTERM. Outside a scope of this type they end the program at once with status 130; inside, the first one asks
/// for an end, which requested() tells, and a second one ends the program.
class GracefulInterrupts {
 public:
  GracefulInterrupts() { graceful() = true; }
  GracefulInterrupts(GracefulInterrupts const&) = delete;
  GracefulInterrupts& operator=(GracefulInterrupts const&) = delete;
  ~GracefulInterrupts() { graceful() = false; }

  static bool requested() { return asked(); }

  /// To be called once, at the start of the program.
  static void install() {
    std::signal(SIGINT, handle);
    std::signal(SIGTERM, handle);
  }

 private:
  static std::atomic<bool>& graceful() {
    static std::atomic<bool> value = false;
    return value;
  }
  static std::atomic<bool>& asked() {
    static std::atomic<bool> value = false;
    return value;
  }
  static void handle(int) {
    if (!graceful() || asked().exchange(true)) ::_exit(130);
  }
};

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

/// "[######..................]"
inline std::string bar_text(Index done, Index total) {
  constexpr Index kWidth = 24;
  auto const full = static_cast<std::size_t>(kWidth * done / std::max<Index>(1, total));
  return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "]";
}

/// A line on stderr, rewritten in place on a terminal: bar, phase, updates a second, time left, NLL. Where escapes() says no, a
/// line at most every ten seconds; where there is no terminal, only when it was asked for.
class ProgressLine {
 public:
  explicit ProgressLine(Settings const& s)
      : rewritten_(escapes(2)), shown_(!s.quiet && (::isatty(2) != 0 || s.progress)) {}
  ProgressLine(ProgressLine const&) = delete;
  ProgressLine& operator=(ProgressLine const&) = delete;
  ~ProgressLine() { clear(); }

  void show(Progress const& p) {
    if (first_done_ < 0) {  // rates are of what this program does, from its first update on
      first_done_ = p.done, began_ = Clock::now();
      return;
    }
    auto const now = Clock::now();
    auto const every = std::chrono::milliseconds(rewritten_ ? 100 : 10'000);
    if (!shown_ || (p.done < p.total && now - last_ < every)) return;
    last_ = now;
    auto const seconds = std::chrono::duration<double>(now - began_).count();
    auto const rate = static_cast<double>(p.done - first_done_) / std::max(seconds, 1e-9);
    auto const bar = bar_text(p.done, p.total);
    fmt::print(stderr, "{}{}{}{} {} {}/{}  {:.3g} updates/s  {} left  nll {:.4f}{}", rewritten_ ? "\r" : "",
               rewritten_ ? "\x1b[32m" : "", bar, rewritten_ ? "\x1b[0m" : "", name(p.phase), p.update, p.updates, rate,
               duration_text(static_cast<double>(p.total - p.done) / rate), p.nll, rewritten_ ? "\x1b[K" : "\n");
    std::fflush(stderr);
    dirty_ = rewritten_;
  }

  void clear() {
    if (dirty_) fmt::print(stderr, "\r\x1b[K");
    dirty_ = false;
  }

 private:
  using Clock = std::chrono::steady_clock;
  bool rewritten_, shown_, dirty_ = false;
  Index first_done_ = -1;
  Clock::time_point began_{}, last_{};
};

/// The same while weights are read, from the first second of loading on.
class LoadingLine {
 public:
  LoadingLine(Settings const& s, std::string model)
      : model_(std::move(model)), rewritten_(escapes(2)), shown_(!s.quiet && (::isatty(2) != 0 || s.progress)) {}
  LoadingLine(LoadingLine const&) = delete;
  LoadingLine& operator=(LoadingLine const&) = delete;
  ~LoadingLine() {
    if (dirty_) fmt::print(stderr, "\r\x1b[K");
  }

  /// Of the numbers in the file.
  void show(Index done, Index total) {
    auto const now = Clock::now();
    if (!shown_ || (done < total && now < next_)) return;
    if (now < began_ + std::chrono::seconds(1)) return;
    next_ = now + (rewritten_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10'000));
    auto const bar = bar_text(done, total);
    fmt::print(stderr, "{}{} {} {}{}", rewritten_ ? "\r" : "", bar, done < total ? "loading" : "packing the weights of", model_,
               rewritten_ ? "\x1b[K" : "\n");
    std::fflush(stderr);
    dirty_ = rewritten_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::string model_;
  bool rewritten_, shown_, dirty_ = false;
  Clock::time_point began_ = Clock::now(), next_{};
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

/// One line on stderr, whatever the message holds.
inline void print_error(std::string message) {
  for (auto& c : message)
    if (c == '\n' || c == '\r') c = ' ';
  fmt::print(stderr, "chg: error: {}\n", message);
}

/// Writes all of it to stdout. Throws Error with the reason when that fails: a full disk behind a redirection, or a closed pipe.
inline void print_out(std::string_view text) {
  auto const written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (written != text.size() || std::fflush(stdout) != 0)
    throw Error({"standard output", "a place that can be written", std::generic_category().message(errno), ""});
}

}  // namespace chg::cli
