// SPDX-License-Identifier: MIT
// summary.csv: how well the model does under the gates of a fit, on the training sample and on validation data.
#pragma once

#include <chg/gate/fit_record.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/run/file.hpp>
#include <chg/tensor/notice.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace chg::run {

struct SummaryRow {
  std::uint64_t seed = 0;
  std::string data;   ///< train or validation, or as the caller says
  std::string gates;  ///< ungated, G0, Gplus, Gminus, Gplus_binary, Gminus_binary (contrastive: G, G_binary)
  double nll = 0;     ///< mean over examples of the mean over target tokens, nats
  double accuracy = 0;
  double token_accuracy = 0;
  Index n = 0;  ///< examples
};

namespace detail {

/// Each gate as 1 where it is 0.5 or more, 0 elsewhere.
inline Matrix<double> binarised(Matrix<double> const& gates) { return (gates.array() >= 0.5).template cast<double>(); }

inline std::vector<std::pair<std::string, Gates>> gates_of(Fit const& fit) {
  std::vector<std::pair<std::string, Gates>> all;
  if (!fit.u0.empty()) all.emplace_back("G0", fit.g0());
  if (!fit.u_plus.empty()) all.emplace_back("Gplus", fit.g_plus());
  if (!fit.u_minus.empty()) all.emplace_back("Gminus", fit.g_minus());
  return all;
}
inline std::vector<std::pair<std::string, Gates>> gates_of(ContrastiveFit const& fit) {
  std::vector<std::pair<std::string, Gates>> all;
  if (!fit.u.empty()) all.emplace_back("G", fit.g());
  return all;
}

}  // namespace detail

/// Scores `examples` under the gates of every seed of a fit, and under none (the same row for every seed). `data` is the name of
/// the examples. Throws Error when the model cannot read them.
template <TransformerModel Model, class Record>
std::vector<SummaryRow> summarise(Model const& model, Record const& fit, std::string const& data, Examples const& examples,
                                  RunOptions options = {}) {
  Scorer<Model> scorer(model, examples, options);
  std::vector<SummaryRow> rows;
  auto const add = [&](std::uint64_t seed, std::string const& gates, Evaluation const& e) {
    auto const finite = std::isfinite(e.nll());
    if (!finite) notice(text("summary: the NLL of ", data, " under ", gates, " is not a finite number, and its field is empty"));
    auto const nll = finite ? e.nll() : std::numeric_limits<double>::quiet_NaN();
    rows.push_back({seed, data, gates, nll, e.accuracy(), e.token_accuracy(), examples.size()});
  };
  auto const ungated = scorer(Matrix<double>::Ones(model.layers(), model.heads()));
  auto const gates = detail::gates_of(fit);
  for (Index s = 0; s < fit.options.gate_sets; ++s) {
    add(fit.seed(s), "ungated", ungated);
    for (auto const& [name, values] : gates) add(fit.seed(s), name, scorer(values.set(s)));
    for (auto const& [name, values] : gates)
      if (name != "G0") add(fit.seed(s), name + "_binary", scorer(detail::binarised(values.set(s))));
  }
  return rows;
}

inline std::string summary_csv(std::vector<SummaryRow> const& rows) {
  Csv csv{"seed", "data", "gates", "nll", "accuracy", "token_accuracy", "n"};
  for (auto const& r : rows) csv.row(r.seed, r.data, r.gates, r.nll, r.accuracy, r.token_accuracy, r.n);
  return csv.bytes();
}

}  // namespace chg::run
