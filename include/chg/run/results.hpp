// SPDX-License-Identifier: MIT
// The results of a fit as files, for people, for pandas, and for commands that go on from them.
//
//     G0.npy Gplus.npy Gminus.npy   gates after each phase, [S, L, H], float32 (contrastive: G.npy)
//     U0.npy Uplus.npy Uminus.npy   their logits, float64 (contrastive: U.npy)
//     metrics.csv heads.csv         one row an update and gate set; one row a gate set and head
#pragma once

#include <chg/run/file.hpp>
#include <chg/run/run_directory.hpp>
#include <chg/run/tables.hpp>

#include <filesystem>
#include <string>

namespace chg::run {

namespace detail {

/// G of a phase as float32 and its logits as float64; nothing when the phase has not run to its end.
inline void write_phase(std::filesystem::path const& directory, char const* name, GateLogits const& u) {
  if (u.empty()) return;
  write_npy<float>(directory / text("G", name, ".npy"), sigmoid(u).values());
  write_npy<double>(directory / text("U", name, ".npy"), u.values());
}

}  // namespace detail

/// Writes the gates and logits of every phase that has run to its end, metrics.csv, and of a fit with all its phases heads.csv.
inline void write_results(std::filesystem::path const& directory, Fit const& fit) {
  detail::write_phase(directory, "0", fit.u0);
  detail::write_phase(directory, "plus", fit.u_plus);
  detail::write_phase(directory, "minus", fit.u_minus);
  if (fit.status == Status::finished && !fit.u_minus.empty()) files::write_file(directory / "heads.csv", heads_csv(fit));
  files::write_file(directory / "metrics.csv", metrics_csv(fit.metrics));
}
inline void write_results(std::filesystem::path const& directory, ContrastiveFit const& fit) {
  detail::write_phase(directory, "", fit.u);
  files::write_file(directory / "metrics.csv", metrics_csv(fit.metrics));
}

/// write_results, and of an interrupted fit the checkpoint to go on from.
template <class Record>
void write_fit(RunDirectory& directory, Record const& fit) {
  write_results(directory.results(), fit);
  if (fit.status == Status::interrupted) directory.checkpoint(fit);
}

}  // namespace chg::run
