// SPDX-License-Identifier: MIT
// Signals that ask a program to end: a person's, a closed terminal's, a batch system's.
//
//     INT TERM HUP USR1 USR2 XCPU ALRM    status 130; where there is something to save, it is saved first
//     PIPE XFSZ                           ignored: the write that fails says what is wrong
//
// A signal that is ignored when the program begins stays ignored: that is how nohup, trap '' INT and a shell's background jobs
// ask for it. XCPU comes again every second, HUP from the terminal and from its shell, TERM twice from timeout(1): only INT or
// TERM half a second and more after the first of them is a person's impatience, and ends the program at once.
#pragma once

#include <chg/tensor/notice.hpp>

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <string>

namespace chg::cli {

/// Thrown when the user stopped a command that saved where it was; the program ends with status 130.
struct Interrupted {
  std::string message;
};

/// Outside a scope of this type the signals above end the program at once; inside, the first one asks for an end, which requested()
/// tells.
class GracefulInterrupts {
 public:
  GracefulInterrupts() { graceful() = true; }
  GracefulInterrupts(GracefulInterrupts const&) = delete;
  GracefulInterrupts& operator=(GracefulInterrupts const&) = delete;
  ~GracefulInterrupts() { graceful() = false; }

  static bool requested() { return asked(); }

  /// To be called once, at the start of the program.
  static void install() {
    for (int const signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGALRM}) {
      struct sigaction before {};
      if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) take(signal, handle);
    }
    for (int const signal : {SIGPIPE, SIGXFSZ}) take(signal, SIG_IGN);
  }

 private:
  static constexpr std::int64_t kSameRequest = 500'000'000;  // nanoseconds

  static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);
  static std::atomic<bool>& graceful() {
    static std::atomic<bool> value = false;
    return value;
  }
  static std::atomic<bool>& asked() {
    static std::atomic<bool> value = false;
    return value;
  }
  static std::atomic<std::int64_t>& first_asked() {  // by INT or TERM; nanoseconds, 0: not yet
    static std::atomic<std::int64_t> value = 0;
    return value;
  }

  static void take(int signal, void (*handler)(int)) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }

  static void handle(int signal) {
    if (!graceful()) end();
    asked() = true;
    if (signal != SIGINT && signal != SIGTERM) return;
    ::timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    auto const when = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec + 1;
    std::int64_t first = 0;
    if (!first_asked().compare_exchange_strong(first, when) && when - first > kSameRequest) end();
  }
  [[noreturn]] static void end() {
    write_stderr("chg: interrupted\n");
    ::_exit(130);
  }
};

}  // namespace chg::cli
