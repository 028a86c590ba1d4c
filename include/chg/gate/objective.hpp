// SPDX-License-Identifier: MIT
// What a fit minimises, apart from the pressure: what one unit (an example, or a retain / forget pair) adds to the loss, given
// the mean target log-probability of each of its examples.
//
//     next token:    loss = -log P(y | x)                                                          eq. 1
//     contrastive:   loss = -log P(y_R | x_R) + max(log P(y_F | x_F) - stopgrad(log P(y_R | x_R)), -c)   eq. 2
//
// Nam et al. 2025; log P is the mean over the target tokens of an example, in nats. The loss of a batch is the mean over units.
#pragma once

#include <chg/model/mean_nll.hpp>
#include <chg/tensor/dual.hpp>
#include <chg/tensor/matrix.hpp>

#include <concepts>
#include <span>
#include <string_view>

namespace chg {

/// The parts of a fit, in their order; a contrastive fit has the last alone.
enum class Phase { none, retain, remove, contrast };

constexpr std::string_view name(Phase phase) {
  constexpr std::string_view names[] = {"none", "retain", "remove", "contrast"};
  return names[static_cast<int>(phase)];
}

/// The log of one update of one gate set: one row, however the batch was cut.
struct UpdateRow {
  std::uint64_t seed = 0;
  Phase phase = Phase::none;
  Index update = 0;        ///< from 0 in each phase
  double nll = 0;          ///< of the batch, before the step
  double regularizer = 0;  ///< R of the logits before the step, without lambda and sign
  double loss = 0;         ///< objective - sign lambda R: what the step descends
  double grad_norm = 0;    ///< of the loss in u, before the clip
  double lr = 0;

  bool operator==(UpdateRow const&) const = default;
};

/// nll is that of the retained format: -logprob_retain.
struct ContrastiveRow : UpdateRow {
  double logprob_retain = 0;  ///< mean over the batch
  double logprob_forget = 0;  ///< mean over the batch
  double share_clipped = 0;   ///< share of pairs whose difference lies below -clip_difference, where forgetting has no gradient

  bool operator==(ContrastiveRow const&) const = default;
};

/// Eq. 1: minimise the NLL of the targets.
struct NextToken : MeanNll {
  using Row = UpdateRow;

  /// Fills what the row says of the batch. loss: mean over units; logprob: [units * examples_per_unit], unit-major.
  void summarise(double loss, std::span<double const>, Row& row) const { row.nll = loss; }
};

/// Eq. 2: keep the first format (retain), lose the second (forget). stopgrad makes the retained log-probability a target: the
/// retained format is not rewarded twice. The maximum is taken pair by pair.
struct Contrastive {
  static constexpr Index examples_per_unit = 2;
  using Row = ContrastiveRow;

  double clip_difference = 5;  ///< c; at a difference of exactly -c the gradient passes

  /// logprob: retain, forget. On dual numbers stopgrad drops the tangent, so a loss and its gradient agree.
  template <class Sum>
  Sum operator()(std::span<Sum const> logprob, std::span<Sum> d_logprob) const {
    auto const difference = logprob[1] - Sum(real(logprob[0]));
    auto const passes = !clipped(real(logprob[0]), real(logprob[1]));
    d_logprob[0] = Sum(-1);
    d_logprob[1] = Sum(passes ? 1 : 0);
    return -logprob[0] + (passes ? difference : Sum(-clip_difference));
  }

  void summarise(double, std::span<double const> logprob, Row& row) const {
    auto const units = static_cast<double>(logprob.size() / 2);
    double retain = 0, forget = 0, beyond = 0;
    for (std::size_t i = 0; i + 1 < logprob.size(); i += 2) {
      retain += logprob[i];
      forget += logprob[i + 1];
      beyond += clipped(logprob[i], logprob[i + 1]);
    }
    row.logprob_retain = retain / units;
    row.logprob_forget = forget / units;
    row.share_clipped = beyond / units;
    row.nll = -row.logprob_retain;
  }

  /// Throws Error when clip_difference bounds nothing.
  void validate() const {
    check(clip_difference >= 0, "clip_difference", "0 or a positive number, infinity for no clip", clip_difference);
  }

 private:
  bool clipped(double retain, double forget) const { return forget - retain < -clip_difference; }
};

/// What fit and GateOptimizer need of an objective. It may also have `void validate() const`, called before a fit begins.
template <class O>
concept Objective = requires(O const& objective, std::span<double const> logprob, std::span<double> d_logprob,
                             typename O::Row& row, double loss) {
  { O::examples_per_unit } -> std::convertible_to<Index>;
  requires std::derived_from<typename O::Row, UpdateRow>;
  { objective(logprob, d_logprob) } -> std::same_as<double>;
  objective.summarise(loss, logprob, row);
};

namespace detail {
template <class O>
struct CheckObjective {
  static_assert(
      requires {
        { O::examples_per_unit } -> std::convertible_to<Index>;
      },
      "chg: an objective needs `static constexpr Index examples_per_unit`: 1 for single examples, 2 for matched pairs. "
      "Add it, as in chg::NextToken.");
  static_assert(
      requires { requires std::derived_from<typename O::Row, UpdateRow>; },
      "chg: an objective needs `using Row = chg::UpdateRow`, or a struct derived from it: its line in the log. "
      "Add it, as in chg::NextToken.");
  static_assert(
      requires(O const& o, std::span<double const> logprob, std::span<double> d) {
        { o(logprob, d) } -> std::same_as<double>;
      },
      "chg: an objective needs `template <class Sum> Sum operator()(std::span<Sum const> logprob, std::span<Sum> d_logprob) "
      "const`, which returns the loss of one unit and writes its derivatives. Add it, const, as in chg::NextToken.");
  static_assert(
      requires(O const& o, std::span<double const> logprob, typename O::Row& row, double loss) {
        o.summarise(loss, logprob, row);
      },
      "chg: an objective needs `void summarise(double loss, std::span<double const> logprob, Row& row) const`, which fills "
      "row.nll. Add it, as in chg::NextToken.");
};
}  // namespace detail

}  // namespace chg
