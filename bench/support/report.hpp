// SPDX-License-Identifier: MIT
// Counters that every benchmark reports: work done a second, and its share of what the machine can do.
#pragma once

#include "support/peak.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

namespace chg::bench {

/// Peak of `threads` threads, measured once a program.
template <class Real>
double peak(int threads) {
  static std::map<int, double> measured;
  auto& value = measured[threads];
  if (value == 0) value = measured_peak<Real>(threads);
  return value;
}

/// GFLOP/s of `work` operations an iteration, and their share of the peak measured in the same run. The machine may be shared:
/// compare figures of one run, and read the share of processor time beside that of real time.
template <class Real>
void report_work(benchmark::State& state, double work, int threads = 1) {
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(work / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["peak_GFLOP/s"] = peak<Real>(threads) / 1e9;
  state.counters["share_of_peak"] = Counter(work / peak<Real>(threads), Counter::kIsIterationInvariantRate);
}

inline void report_bytes(benchmark::State& state, double bytes) {
  state.counters["GB/s"] = benchmark::Counter(bytes / 1e9, benchmark::Counter::kIsIterationInvariantRate);
}

/// Ends the benchmark with a message unless the fast result is near the plain one.
inline bool agrees(benchmark::State& state, double difference, double bound) {
  if (difference <= bound) return true;
  state.SkipWithError(("differs from the plain loop by " + std::to_string(difference)).c_str());
  return false;
}

}  // namespace chg::bench
