// SPDX-License-Identifier: MIT
// Runs independent pieces of work on OpenMP threads, each with a scratch space of its own.
#pragma once

#include <chg/tensor/gemm.hpp>

#include <omp.h>

#include <atomic>
#include <exception>
#include <memory>
#include <vector>

namespace chg {

/// Scratch: default-constructible, kept from call to call. Which worker takes which piece is not determined, so the work on a
/// piece must write to places of its own.
template <class Scratch>
class Workers {
 public:
  /// threads: 0 for as many as OpenMP offers.
  explicit Workers(int threads = 0) : threads_(threads > 0 ? threads : omp_get_max_threads()) {
    for (int t = 0; t < threads_; ++t) scratch_.push_back(std::make_unique<Scratch>());
  }

  /// Calls work(piece, scratch) for every piece in 0 .. pieces - 1. The first exception thrown is thrown again here, after the
  /// pieces under way have ended; no further piece is begun.
  template <class Work>
  void run(Index pieces, Work const& work) {
    std::exception_ptr failure;
    std::atomic<bool> failed = false;
    SingleThreadedProducts const process_wide;
#pragma omp parallel num_threads(threads_)
    {
      SingleThreadedProducts const mine;
      auto& scratch = *scratch_[static_cast<std::size_t>(omp_get_thread_num())];
#pragma omp for schedule(dynamic, 1)
      for (Index piece = 0; piece < pieces; ++piece) {
        if (failed) continue;
        try {
          work(piece, scratch);
        } catch (...) {
#pragma omp critical(chg_workers_failure)
          if (!failed.exchange(true)) failure = std::current_exception();
        }
      }
    }
    if (failure) std::rethrow_exception(failure);
  }

  int threads() const { return threads_; }

 private:
  int threads_;
  std::vector<std::unique_ptr<Scratch>> scratch_;
};

}  // namespace chg
