// SPDX-License-Identifier: MIT
// Runs independent pieces of work on OpenMP threads, each with a scratch space of its own.
#pragma once

#include <chg/tensor/gemm.hpp>
#include <chg/tensor/threads.hpp>

#include <omp.h>

#include <atomic>
#include <exception>
#include <memory>
#include <vector>

namespace chg {

/// The number of threads that an option of 0 (default_threads) or more stands for.
inline int threads_of(int option) { return option > 0 ? option : default_threads(); }

/// Scratch: default-constructible, kept from call to call. Which worker takes which piece is not determined, so the work on a
/// piece must write to places of its own.
template <class Scratch>
class Workers {
 public:
  /// threads: 0 for default_threads().
  explicit Workers(int threads = 0) : threads_(threads_of(threads)) {
    for (int t = 0; t < threads_; ++t) scratch_.push_back(std::make_unique<Scratch>());
  }

  /// Calls work(piece, scratch) for every piece in 0 .. pieces - 1. The first exception thrown is thrown again here, after the
  /// pieces under way have ended; no further piece is begun. Throws Error, too, when the threads cannot be started.
  template <class Work>
  void run(Index pieces, Work const& work) {
    check_threads(threads_);
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
