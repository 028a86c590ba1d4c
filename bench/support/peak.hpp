// SPDX-License-Identifier: MIT
// The yardstick of every benchmark: how many floating-point operations this machine can do a second, measured.
#pragma once

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace chg::bench {

inline double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

namespace detail {
#if defined(__AVX512F__)
inline constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX__)
inline constexpr std::size_t kVectorBytes = 32;
#else
inline constexpr std::size_t kVectorBytes = 16;
#endif

/// Independent chains of fused multiply-adds, as many as hide the latency of one: FLOP/s of the calling thread.
template <class Real>
double fma_rate() {
  typedef Real Vector __attribute__((vector_size(kVectorBytes)));
  constexpr int kChains = 12, kLength = 1 << 20;
  Vector sum[kChains], factor, term;
  for (auto& s : sum) s = Vector{} + Real(1);
  factor = Vector{} + Real(0.999999);
  term = Vector{} + Real(1e-6);
  asm volatile("" : "+v"(factor), "+v"(term));
  auto const start = seconds();
  for (int i = 0; i < kLength; ++i) {
#pragma GCC unroll 12
    for (auto& s : sum) s = s * factor + term;
  }
  for (auto& s : sum) asm volatile("" : "+v"(s));
  auto const elapsed = seconds() - start;
  return 2.0 * kChains * kLength * static_cast<double>(kVectorBytes / sizeof(Real)) / elapsed;
}
}  // namespace detail

/// Peak FLOP/s of `threads` threads together: the best of several tries, since the machine may be shared.
template <class Real>
double measured_peak(int threads, int tries = 20) {
  double best = 0;
  for (int t = 0; t < tries; ++t) {
    double total = 0;
#pragma omp parallel num_threads(threads) reduction(+ : total)
    total += detail::fma_rate<Real>();
    best = std::max(best, total);
  }
  return best;
}

}  // namespace chg::bench
