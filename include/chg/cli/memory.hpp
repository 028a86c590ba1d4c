// SPDX-License-Identifier: MIT
// Keeps a command within --max-memory, or within the memory of the machine where there is none.
//
//     forecast = program and data + max(loading, weights + what the command holds + threads * a worker's pass(rows))
//
// Rows of a chunk decide round-off, so they follow from model, data, batch and limit alone (rows_within), never from threads,
// gate sets or what is resident by chance. When the whole does not fit with these rows, fewer threads run; when it does not fit
// with one, the command is refused, before anything is written, with a limit that is enough.
#pragma once

#include <chg/cli/memory_use.hpp>
#include <chg/cli/model_word.hpp>
#include <chg/cli/settings.hpp>
#include <chg/tensor/notice.hpp>
#include <chg/tensor/read_whole.hpp>

#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace chg::cli {

/// Bytes of this process that are in memory now, and the most that were (Linux; 0 elsewhere).
struct Resident {
  double now = 0, most = 0;
};
inline Resident resident_bytes() {
  Resident bytes;
  auto const status = chg::detail::system_text("/proc/self/status");
  for (std::string_view rest = status; !rest.empty();) {
    auto const line = std::string(chg::detail::take_line(rest));
    for (auto const& [key, value] : {std::pair("VmRSS:", &bytes.now), std::pair("VmHWM:", &bytes.most)})
      if (line.starts_with(key)) *value = 1024 * std::strtod(line.c_str() + 6, nullptr);  // kilobytes
  }
  return bytes;
}

/// Bytes that this process may have: the machine's memory and swap, or less by the limit of its cgroup or of one above it. Infinity
/// where nothing says. root: as in cpu_quota.
inline double machine_bytes(std::filesystem::path const& root = "/") {
  double machine = 0;
  auto const meminfo = chg::detail::system_text(root / "proc/meminfo");
  for (std::string_view rest = meminfo; !rest.empty();) {
    auto const words = chg::detail::words_of(chg::detail::take_line(rest));
    if (words.size() > 1 && (words[0] == "MemTotal:" || words[0] == "SwapTotal:"))
      machine += 1024 * std::strtod(words[1].c_str(), nullptr);  // kilobytes
  }
  auto least = machine > 0 ? machine : std::numeric_limits<double>::infinity();
  auto const folders = chg::detail::cgroup_folders(root, "memory");
  for (auto const& folder : folders.v2) least = std::min(least, chg::detail::number_in(folder / "memory.max"));
  for (auto const& folder : folders.v1) least = std::min(least, chg::detail::number_in(folder / "memory.limit_in_bytes"));
  return least;
}

/// The forecast of one command. Real: what the model computes with.
template <class Real>
class MemoryForecast {
 public:
  MemoryForecast(Config const& config, double weights, double loading, Products products,
                 MemoryUse use)
      : config_(config),
        weights_(weights),
        loading_(loading),
        products_(products),
        use_(std::move(use)) {}

  /// Bytes with so many rows a chunk, beside what was resident by chance.
  double operator()(Index rows, int threads, double resident = 0) const {
    auto const running = weights_ + use_.held(rows) + threads * use_.passes * worker(rows, use_.longest);
    return kMargin * (std::max(program(), resident) + std::max(loading_, running));
  }

  /// Rows of a chunk within a limit, a power of 2 up to 1024: chunks of 128 rows and more leave room for eight workers, so that the
  /// threads of most machines fit; lower ones, whose products are slower, leave as much as one worker takes for all else.
  Index rows_within(double limit) const {
    auto rows = RunOptions{}.max_rows;
    while (rows > 1 && least_limit(rows) > limit) rows /= 2;
    return rows;
  }

  /// The least whole mebibytes of a limit that is enough, for chunks of so many rows or, at 0, for those that the limit gives.
  double enough(Index rows, double resident) const {
    auto const whole = [](double bytes) { return std::ceil(bytes / kMebibyte) * kMebibyte; };
    if (rows > 0) return whole((*this)(rows, 1, resident));
    for (rows = 1;; rows *= 2) {
      auto const limit = whole(std::max(rows > 1 ? least_limit(rows) : 0.0, (*this)(rows, 1, resident)));
      if (rows == RunOptions{}.max_rows || rows_within(limit) == rows) return limit;
    }
  }

  double held(Index rows) const { return use_.held(rows); }

  static constexpr double kMebibyte = 1024 * 1024;

 private:
  static constexpr double kProgram = 10 * kMebibyte;  // with its libraries and their buffers, and what reading the data left
  static constexpr double kThread = 0.5 * kMebibyte;  // stack, and what malloc keeps for it
  static constexpr double kMargin = 1.02;

  double program() const { return kProgram + use_.data; }

  // Of --max-memory, from which on chunks have so many rows.
  double least_limit(Index rows) const {
    return kMargin *
           (kProgram + use_.data_fitted + weights_ + (rows > 128 ? 8 : 2) * use_.passes * worker(rows, use_.longest_fitted));
  }

  double worker(Index rows, Index longest) const {
    auto const most = std::max(rows, longest);
    auto const limit = chunk_limits<Real>({.max_rows = rows}, config_.vocab).targets;
    auto const targets = std::min(most, limit);
    auto bytes = static_cast<double>(pass_bytes<Real>(config_, most, targets, longest));
    if (products_ == Products::bfloat16) {  // factors rounded before a product
      auto const widest = std::max({config_.d_model, config_.d_ff, config_.heads * config_.head_dim});
      bytes += 4.0 * static_cast<double>(std::max(most * widest, targets * config_.vocab));
    }
    auto const units = std::min<double>(use_.units, static_cast<double>(most) * use_.repeats);
    auto const edges = std::min<double>(units * use_.targets, static_cast<double>(limit) + use_.targets);
    return bytes + kTreeRow * static_cast<double>(most) + kTreeEdge * edges + kThread;
  }

  Config config_;
  double weights_, loading_;
  Products products_;
  MemoryUse use_;
};

template <class Real>
MemoryForecast<Real> forecast(ModelWord const& word, Settings const& s, MemoryUse use) {
  auto const& d = word.description();
  return {d.config, word.weight_bytes<Real>(products_of(s)), word.loading_bytes<Real>(products_of(s)),
          products_of(s), std::move(use)};
}

/// Threads and chunks for a command, within --max-memory or the machine's memory. begun_rows: of the chunks that a run which goes
/// on was begun with; 0 for a new one. To be called before weights are loaded. Throws Error with a limit that is enough.
template <class Real>
RunOptions run_options(ModelWord const& word, Settings const& s, MemoryUse const& use, Index begun_rows = 0) {
  auto const limit = memory_size(s.max_memory), machine = std::isinf(limit) ? machine_bytes() : limit;
#if defined(__GLIBC__)
  if (!std::isinf(limit)) {  // large blocks go back to the system when they are freed, whatever was freed before
    ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    ::mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    ::mallopt(M_ARENA_MAX, 1);
    ::malloc_trim(0);
  }
#endif
  auto const bytes = forecast<Real>(word, s, use);
  auto const resident = resident_bytes();
  RunOptions options{.threads = threads_of(s.threads), .max_rows = begun_rows > 0 ? begun_rows : bytes.rows_within(limit)};
  auto const needed = std::max(resident.most, bytes(options.max_rows, 1, resident.now));
  if (needed > machine) {
    auto const taken = std::ceil(resident.most / bytes.kMebibyte) * bytes.kMebibyte;
    auto const enough = std::max(bytes.enough(begun_rows, resident.now), taken);
    auto const larger = bytes.held(options.max_rows) > needed / 2 ? use.advice : std::string();
    auto const advice =
        begun_rows > 0 && !std::isinf(limit)
            ? fmt::format("The run was begun with chunks of {} rows, and its bits need them: begin another", begun_rows)
        : !larger.empty() ? larger
                          : std::string("Use --precision bf16, a smaller model or shorter examples");
    if (std::isinf(limit))
      throw Error({use.what, fmt::format("at most {}, what this machine or its cgroup has", bytes_text(machine)),
                   fmt::format("{} by forecast", bytes_text(needed)), advice + "; --max-memory overrules the limit."});
    throw Error({"--max-memory", fmt::format("{:.0f}M or more, by forecast", enough / bytes.kMebibyte), s.max_memory,
                 advice + ", or allow more."});
  }
  auto const wanted = options.threads;
  while (options.threads > 1 && bytes(options.max_rows, options.threads, resident.now) > machine) --options.threads;
  if (options.threads < wanted)
    notice(fmt::format("{} of {} threads run: another would take {} more than the {} that {}", options.threads, wanted,
                       bytes_text(bytes(options.max_rows, options.threads + 1, resident.now) - machine), bytes_text(machine),
                       std::isinf(limit) ? "this machine or its cgroup has" : "--max-memory allows"));
  return options;
}

/// What the whole takes with chunks of the usual size and sequences of `longest` tokens.
template <class Real>
double memory_needed(ModelWord const& word, Settings const& s, Index longest) {
  MemoryUse use;
  use.longest = use.longest_fitted = std::min(longest, word.config().context);
  return forecast<Real>(word, s, use)(RunOptions{}.max_rows, threads_of(s.threads));
}

}  // namespace chg::cli
