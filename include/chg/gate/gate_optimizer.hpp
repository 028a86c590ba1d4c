// SPDX-License-Identifier: MIT
// Learns the gates of one set from gradients that somebody else provides.
//
//     du = dG G (1 - G) + d(- sign lambda R)/du,   du *= min(1, clip_norm / (|du| + 1e-6)),   u = u - Update(du),   G = sigmoid(u)
//
// Nam et al. 2025, section 3.2 and appendix 6.2. Differs from the authors' code where that couples what should be independent:
// the norm is clipped for each gate set alone. The 1e-6 is that of PyTorch's clip, with which the paper's fits were made: left out,
// some gates of a language model end elsewhere.
#pragma once

#include <chg/gate/adam.hpp>
#include <chg/gate/gates.hpp>
#include <chg/gate/objective.hpp>
#include <chg/gate/regularizer.hpp>

#include <utility>

namespace chg {

/// Linear from `start` towards `end`: update i of N, from 0, uses start + (end - start) i / N. `end` itself is never reached, as
/// in the authors' schedule.
struct LearningRate {
  double start = 0.1;
  double end = 0.01;

  double at(Index update, Index updates) const {
    return start + (end - start) * static_cast<double>(update) / static_cast<double>(updates);
  }
  bool operator==(LearningRate const&) const = default;
};

/// One phase of one gate set.
struct PhaseOptions {
  Phase phase = Phase::none;
  Index updates = 500;  ///< N of the schedule
  LearningRate learning_rate{};
  Regularizer regularizer{};
  double clip_norm = 1;  ///< of du; infinity for no clip
};

/// Throws Error naming the first value that makes no phase.
inline void validate(PhaseOptions const& p) {
  auto const rate = [](char const* name, double value) {
    check(value >= 0 && value <= largest_option, text("learning rate of the phase: ", name), text("0 to ", largest_option), value);
  };
  check(p.updates >= 1, "updates", "1 or more", p.updates);
  rate("start", p.learning_rate.start);
  rate("end", p.learning_rate.end);
  check(p.clip_norm > 0, "clip_norm", "a positive number, infinity for no clip", p.clip_norm);
  validate(p.regularizer);
}

/// Logits of ONE gate set, the state of its update rule, and its place in the phase. It never knows how a gradient was obtained:
///
///     chg::GateOptimizer<chg::NextToken> optimizer(logits);        // [L, H]
///     while (!optimizer.finished()) {
///       optimizer.gates(gates);                                    // G = sigmoid(u)
///       ...loss, logprob and d_gates of a batch under these gates...
///       auto const row = optimizer.step(loss, logprob, d_gates);
///     }
///
/// Objective: chg::NextToken, chg::Contrastive, or one of your own (concept chg::Objective). Update: chg::Adam, or your own
/// (concept chg::UpdateRule).
template <class Objective = NextToken, class Update = Adam>
class GateOptimizer : detail::CheckObjective<Objective>, detail::CheckUpdateRule<Update> {
 public:
  using Row = typename Objective::Row;

  /// logits: the start, [L, H]. seed: what the rows of the log call this set. Throws Error for logits that are not finite and for
  /// options that make no phase.
  explicit GateOptimizer(Matrix<double> logits, PhaseOptions options = {}, Objective objective = {}, Update update = {},
                         std::uint64_t seed = 0)
      : u_(std::move(logits)), objective_(std::move(objective)), update_(std::move(update)), seed_(seed) {
    check(u_.size() >= 1, "gate optimizer: logits", "at least one head", shape_text(u_.rows(), u_.cols()));
    if constexpr (requires { objective_.validate(); }) objective_.validate();
    d_u_.resize(static_cast<std::size_t>(u_.size()));
    begin(options);
  }

  /// Begins a phase at the logits as they are, with the update rule afresh. Allocates nothing after the first.
  void begin(PhaseOptions options) {
    validate(options);
    check(u_.allFinite(), "gate optimizer: logits", "finite numbers", "NaN or infinity",
          "A gate of exactly 0 or 1 has no logit.");
    options_ = options;
    made_ = 0;
    update_.start(u_.size());
  }
  void begin(PhaseOptions options, ConstMatrixRef<double> logits) {
    check_shape("gate optimizer: logits", logits, u_.rows(), u_.cols());
    u_ = logits;
    begin(options);
  }
  /// Continues a phase that was left after `made` updates, with these logits and this state of the update rule.
  void go_on(PhaseOptions options, ConstMatrixRef<double> logits, Index made, std::span<double const> state) {
    begin(options, logits);
    check(made >= 0 && made <= options.updates, "gate optimizer: updates made", text("0 to ", options.updates), made);
    auto const numbers = update_.state().size();
    check(state.size() == numbers, "gate optimizer: numbers in the state of the update rule", text(numbers), state.size());
    made_ = made;
    std::copy(state.begin(), state.end(), update_.state().begin());
  }

  /// u, [L, H].
  Matrix<double> const& logits() const { return u_; }
  PhaseOptions const& options() const { return options_; }
  Index updates_made() const { return made_; }
  bool finished() const { return made_ == options_.updates; }
  std::span<double const> state() const { return update_.state(); }

  /// Writes G = sigmoid(u), rounded to the scalar of the model, [L, H].
  template <class Scalar>
  void gates(Matrix<Scalar>& out) const {
    out.resize(u_.rows(), u_.cols());
    for (Index i = 0; i < u_.size(); ++i) out.data()[i] = static_cast<Scalar>(sigmoid(u_.data()[i]));
  }

  /// One update. loss: of the batch, mean over units; logprob: mean target log-probability of each example of the batch,
  /// [units * examples_per_unit]; d_gates: d loss / d G, [L, H]. Returns the row of the log; nll, regularizer and gradient norm
  /// are those before the step. Allocates nothing.
  /// Throws Error when the phase is over, a shape is wrong, or a number of the batch or of the row is not finite; the state is
  /// unchanged then. Throws Error, too, when the update rule leaves the finite numbers.
  Row step(double loss, std::span<double const> logprob, ConstMatrixRef<double> d_gates) {
    check(!finished(), "gate optimizer: updates of the phase", "no more than its options say", made_ + 1, "Begin another phase.");
    check_shape("gate optimizer: d_gates", d_gates, u_.rows(), u_.cols());
    if (!std::isfinite(loss)) throw not_finite("loss of", loss);
    for (auto const log_p : logprob)
      if (!std::isfinite(log_p)) throw not_finite("log-probability of an example in", log_p);

    std::span<double> const u(u_.data(), static_cast<std::size_t>(u_.size()));
    for (Index l = 0; l < u_.rows(); ++l)
      for (Index h = 0; h < u_.cols(); ++h) {
        auto const d = d_gates(l, h);
        if (!std::isfinite(d)) throw not_finite(text("gradient of layer ", l, ", head ", h, " in"), d);
        d_u_[static_cast<std::size_t>(l * u_.cols() + h)] = d * sigmoid_slope(u_(l, h));  // G = sigmoid(u)
      }
    options_.regularizer.add_gradient(u, d_u_);

    Row row;
    row.seed = seed_;
    row.phase = options_.phase;
    row.update = made_;
    objective_.summarise(loss, logprob, row);
    row.regularizer = options_.regularizer.value(std::span<double const>(u));
    row.loss = loss + options_.regularizer.loss(std::span<double const>(u));
    row.grad_norm = norm(d_u_);
    row.lr = options_.learning_rate.at(made_, options_.updates);
    for (auto const& [what, value] : {std::pair("nll of", row.nll), std::pair("regularizer in", row.regularizer),
                                      std::pair("loss with the regularizer in", row.loss),
                                      std::pair("norm of the gradient in", row.grad_norm)})
      if (!std::isfinite(value)) throw not_finite(what, value);

    constexpr auto kBesideNorm = 1e-6;
    if (auto const factor = options_.clip_norm / (row.grad_norm + kBesideNorm); factor < 1)
      for (auto& d : d_u_) d *= factor;
    update_.step(d_u_, row.lr, u);
    for (auto const logit : u)
      if (!std::isfinite(logit)) throw not_finite("logit after", logit);
    ++made_;
    return row;
  }

 private:
  Error not_finite(std::string const& what, double value) const {
    auto const place = text(" update ", made_, " of phase ", name(options_.phase), ", gate set of seed ", seed_);
    return Error({"gate optimizer: " + what + place, "a finite number", text(value),
                  "The model overflows on this batch: check its weights, use double, or a smaller lambda or learning rate."});
  }
  static double norm(std::span<double const> x) {
    double squares = 0;
    for (auto const d : x) squares += d * d;
    return std::sqrt(squares);
  }

  Matrix<double> u_;
  PhaseOptions options_;
  Objective objective_;
  Update update_;
  std::uint64_t seed_;
  Index made_ = 0;
  std::vector<double> d_u_;
};

}  // namespace chg
