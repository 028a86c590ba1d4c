// SPDX-License-Identifier: MIT
// What `chg tasks make` is asked for.
#pragma once

#include <chg/cli/settings.hpp>
#include <chg/task/aba_abb.hpp>

#include <string>

namespace chg::cli {

struct TaskWords {
  std::string task, model, out, source, instruction;
  std::string format{};  ///< empty: the task's own
  std::string split = "train", corrupt = "none";
  Index examples = 512;
  Index pairs = 0;     ///< 0: the task's own
  Index leading = -1;  ///< below 0: the task's own
};

inline bool symbolic(TaskWords const& w) { return w.task == "aba" || w.task == "abb"; }

inline task::Split split_of(TaskWords const& w) {
  return w.split == "train" ? task::Split::train : w.split == "validation" ? task::Split::validation : task::Split::all;
}

/// Of aba and abb; .bos is left to the caller.
inline task::AbaAbbOptions aba_abb_options(TaskWords const& w, Settings const& s) {
  check(w.corrupt != "outputs", "--corrupt", "rule or tokens, for " + w.task, w.corrupt);
  check(w.format.empty(), "--format", "none, for " + w.task, w.format);
  auto const corruption = w.corrupt == "rule"     ? task::SymbolicCorruption::rule
                          : w.corrupt == "tokens" ? task::SymbolicCorruption::tokens
                                                  : task::SymbolicCorruption::none;
  return {.rule = w.task == "aba" ? task::Rule::aba : task::Rule::abb,
          .examples = w.examples,
          .seed = s.seed,
          .pairs = w.pairs > 0 ? w.pairs : 4,
          .split = split_of(w),
          .corruption = corruption};
}

}  // namespace chg::cli
