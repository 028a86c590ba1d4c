// SPDX-License-Identifier: MIT
// Where the threads of OpenMP spend their processor time: a sampling profiler inside the program.
//
// Each thread has a timer on the wall clock. When it fires, the thread notes its program counter and the processor time that
// it used since its last note, so that a thread that waits or is not scheduled adds next to nothing, and the notes add up to
// processor time. Afterwards addr2line (binutils) names the functions, inlined ones included, for which the program is
// compiled with -g1. Linux on x86_64 and aarch64.
#pragma once

#include "support/peak.hpp"

#include <chg/tensor/error.hpp>

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#define CHG_BENCH_SAMPLER 1
#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#endif

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace chg::bench {

/// A function and the file that it is written in.
struct Frame {
  std::string function, file;
};

/// One place of the program, and what was seen there.
struct Place {
  std::vector<Frame> frames;  ///< the innermost inlined function first; empty outside the program itself
  std::string object;         ///< the file of the program or library, empty where none is known
  std::int64_t samples = 0;
  double seconds = 0;  ///< processor time
  double squares = 0;  ///< sum of the squares of the samples' processor time, s^2: the variance of `seconds`
};

struct Profile {
  int threads = 0;
  double seconds = 0;    ///< wall time
  double processor = 0;  ///< processor time of all threads; the places' seconds add up to it
  double system = 0;     ///< of it in the kernel, whose samples are at the instruction that entered it
  double noted = 0;      ///< share of the processor time that samples stand for; the rest is taken to be spent like it
  std::int64_t page_faults = 0, samples = 0;
  std::vector<Place> places;
};

#if defined(CHG_BENCH_SAMPLER)
namespace detail {
struct Sample {
  std::uintptr_t counter;
  std::int64_t nanoseconds;
};

// What the signal handler reads and writes. It stays installed, and a signal that comes late finds no slot free.
inline constexpr std::size_t kMostSamples = std::size_t{1} << 19;
inline std::unique_ptr<Sample[]> samples;
inline std::atomic<std::size_t> samples_taken = kMostSamples;
inline constinit thread_local std::int64_t last_note = 0;

inline std::int64_t thread_nanoseconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

inline void take_sample(int, siginfo_t*, void* context) {
  auto const& machine = static_cast<ucontext_t const*>(context)->uc_mcontext;
#if defined(__x86_64__)
  auto const counter = static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#else
  auto const counter = static_cast<std::uintptr_t>(machine.pc);
#endif
  auto const now = thread_nanoseconds();
  auto const slot = samples_taken.fetch_add(1, std::memory_order_relaxed);
  if (slot < kMostSamples) samples[slot] = {counter, now - last_note};
  last_note = now;
}

/// A timer that interrupts the thread that makes it every `nanoseconds`. Any thread may end it.
class ThreadTimer {
 public:
  explicit ThreadTimer(long nanoseconds) {
    last_note = thread_nanoseconds();
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGPROF;
    event._sigev_un._tid = gettid();
    check(timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0, "sampler", "a timer", "none");
    itimerspec const every{{0, nanoseconds}, {0, nanoseconds}};
    timer_settime(timer_, 0, &every, nullptr);
  }
  ~ThreadTimer() { timer_delete(timer_); }
  ThreadTimer(ThreadTimer const&) = delete;
  ThreadTimer& operator=(ThreadTimer const&) = delete;

 private:
  timer_t timer_;
};

/// Fills in the frames of places of this program, given their offsets in it.
inline void name_places(std::map<std::uintptr_t, Place*> const& offsets) {
  auto const program = std::filesystem::read_symlink("/proc/self/exe").string();
  constexpr std::size_t kBatch = 2000;  // addresses, so that a command stays well under the 128 KiB that Linux allows
  for (auto next = offsets.begin(); next != offsets.end();) {
    auto command = text("addr2line -e '", program, "' -a -f -i -C 2>/dev/null", std::hex);
    for (std::size_t n = 0; n < kBatch && next != offsets.end(); ++n, ++next) command += text(std::hex, " 0x", next->first);
    std::unique_ptr<FILE, int (*)(FILE*)> const answer(popen(command.c_str(), "r"), pclose);
    check(answer != nullptr, "sampler", "a process for addr2line", "none");
    std::string line, function;
    Place* current = nullptr;
    for (int c; (c = std::fgetc(answer.get())) != EOF;) {
      if (c != '\n') {
        line += static_cast<char>(c);
        continue;
      }
      if (line.starts_with("0x")) {
        current = offsets.at(std::stoull(line, nullptr, 16));
      } else if (function.empty()) {
        function = line;
      } else if (current) {
        current->frames.push_back({function, line.substr(0, line.rfind(':'))});
        function.clear();
      }
      line.clear();
    }
  }
}
}  // namespace detail

/// Runs run() on the calling thread, which may start teams of `threads` OpenMP threads, and notes where they are about every
/// `interval` nanoseconds. One profile at a time.
template <class Run>
Profile profile(int threads, Run const& run, long interval = 997'000) {
  using detail::samples, detail::samples_taken, detail::kMostSamples;
  if (!samples) samples = std::make_unique<detail::Sample[]>(kMostSamples);
  struct sigaction action {};
  action.sa_sigaction = detail::take_sample;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigaction(SIGPROF, &action, nullptr);
  std::vector<std::unique_ptr<detail::ThreadTimer>> timers(static_cast<std::size_t>(threads));
  samples_taken = 0;
#pragma omp parallel num_threads(threads)  // OpenMP gives the next team of the same size the same threads
  timers[static_cast<std::size_t>(omp_get_thread_num())] = std::make_unique<detail::ThreadTimer>(interval);

  rusage usage[2];
  getrusage(RUSAGE_SELF, &usage[0]);
  auto const start = seconds();
  run();
  Profile result;
  result.seconds = seconds() - start;
  getrusage(RUSAGE_SELF, &usage[1]);
  timers.clear();
  result.samples = static_cast<std::int64_t>(std::min(samples_taken.exchange(kMostSamples), kMostSamples));

  auto const spent = [&](auto member) {
    auto const of = [&](rusage const& u) {
      return static_cast<double>((u.*member).tv_sec) + 1e-6 * static_cast<double>((u.*member).tv_usec);
    };
    return of(usage[1]) - of(usage[0]);
  };
  result.threads = threads;
  result.system = spent(&rusage::ru_stime);
  result.processor = spent(&rusage::ru_utime) + result.system;
  result.page_faults = usage[1].ru_minflt - usage[0].ru_minflt;
  check(result.samples > 0, "sampler", "samples", "none");

  std::map<std::uintptr_t, Place> places;
  for (std::int64_t i = 0; i < result.samples; ++i) {
    auto const& sample = samples[static_cast<std::size_t>(i)];
    auto& place = places[sample.counter];
    ++place.samples;
    auto const spent_here = static_cast<double>(sample.nanoseconds);
    place.seconds += spent_here;
    place.squares += spent_here * spent_here;
    result.noted += spent_here;
  }
  Dl_info here{}, there{};
  dladdr(reinterpret_cast<void const*>(&detail::take_sample), &here);
  std::map<std::uintptr_t, Place*> offsets;
  for (auto& [counter, place] : places) {
    auto const unit = result.processor / result.noted;
    place.seconds *= unit;
    place.squares *= unit * unit;
    if (!dladdr(reinterpret_cast<void const*>(counter), &there)) continue;
    place.object = there.dli_fname;
    if (there.dli_fbase == here.dli_fbase) offsets[counter - reinterpret_cast<std::uintptr_t>(here.dli_fbase)] = &place;
  }
  result.noted *= 1e-9 / result.processor;
  detail::name_places(offsets);
  auto const named = std::any_of(offsets.begin(), offsets.end(), [](auto& at) { return !at.second->frames.empty(); });
  check(named, "sampler: addr2line", "names of functions", "nothing", "Install binutils.");
  for (auto& [counter, place] : places) result.places.push_back(std::move(place));
  return result;
}

#else
template <class Run>
Profile profile(int, Run const&, long = 0) {
  throw Error({"sampler", "Linux on x86_64 or aarch64", "another system", ""});
}
#endif

}  // namespace chg::bench
