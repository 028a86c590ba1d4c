// SPDX-License-Identifier: MIT
// Keeps a command within --max-memory: chunks are made smaller until the forecast fits, or it is refused with the number needed.
//
//     resident now + threads * pass_bytes(rows of a chunk)      or before loading      resident now + loading_bytes
#pragma once

#include <chg/cli/model_word.hpp>
#include <chg/cli/settings.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <initializer_list>

namespace chg::cli {

/// Bytes of this process that are in memory now (Linux; 0 elsewhere).
inline double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Bytes that one worker's pass takes at most when chunks hold `rows` rows and sequences are at most `longest` long.
template <class Real>
double worker_bytes(Architecture const& architecture, Config const& config, Index rows, Index longest) {
  auto const most = std::max(rows, longest);
  auto const targets = std::min(most, chunk_limits<Real>({.max_rows = rows}, config.vocab).targets);
  return static_cast<double>(pass_bytes<Real>(architecture, config, most, targets, longest));
}

/// What the whole takes with chunks of the usual size and sequences of `longest` tokens, beside the program itself.
template <class Real>
double memory_needed(ModelWord const& word, Products products, int threads, Index longest) {
  auto const& d = word.description();
  auto const running =
      word.weight_bytes<Real>(products) +
      threads * worker_bytes<Real>(d.architecture, d.config, RunOptions{}.max_rows, std::min(longest, d.config.context));
  return std::max(running, word.loading_bytes<Real>(products));
}

namespace detail {
/// Names a size that --max-memory takes and that is enough.
inline Error too_much(double needed, Settings const& s, char const* advice) {
  return Error(
      {"--max-memory", fmt::format("{:.0f}M or more, by forecast", std::ceil(needed / (1024 * 1024))), s.max_memory, advice});
}
}  // namespace detail

/// Throws Error when the weights alone exceed the limit.
template <class Real>
void check_weights_fit(ModelWord const& word, Settings const& s) {
  auto const limit = memory_size(s.max_memory);
  auto const needed = resident_bytes() + word.loading_bytes<Real>(products_of(s));
  if (needed > limit) throw detail::too_much(needed, s, "Allow more, use --precision f32 or bf16, or take a smaller model.");
}

/// Threads and chunks for these data sets; a unit of a batch is one example of each. Throws Error when the smallest chunks exceed
/// the limit.
template <class Real>
RunOptions run_options(Settings const& s, AnyTransformer<Real> const& model, std::initializer_list<Examples const*> data) {
  RunOptions options{.threads = s.threads};
  auto const limit = memory_size(s.max_memory);
  if (std::isinf(limit)) return options;
  Index longest = 1;
  for (auto const* examples : data) {
    Index most = 1;
    for (auto const& e : *examples) most = std::max(most, static_cast<Index>(e.tokens.size()));
    longest += most;
  }
  auto const workers = Workers<char>(s.threads).threads();
  auto const needed = [&](Index rows) {
    return resident_bytes() + workers * worker_bytes<Real>(model.architecture(), model.config(), rows, longest);
  };
  while (needed(options.max_rows) > limit && options.max_rows > 1) options.max_rows /= 2;
  if (needed(options.max_rows) > limit)
    throw detail::too_much(needed(options.max_rows), s, "Allow more, or use fewer --threads.");
  return options;
}

}  // namespace chg::cli
