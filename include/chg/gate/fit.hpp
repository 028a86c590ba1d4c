// SPDX-License-Identifier: MIT
// The fit of the paper: gates without pressure, then from there under retention (G+) and under removal (G-).
//
//     phase    pressure   start      updates   learning rate
//     none     0          uniform    500       0.1 -> 0.01
//     retain   +lambda    u0         500       0.5 -> 0.1
//     remove   -lambda    u0         500       0.5 -> 0.1
//
// Nam et al. 2025, section 3.2. Adam starts afresh in each phase; the order of the examples runs on. S gate sets run side by
// side and know nothing of one another. A float gate is rounded from its double logit at every update.
#pragma once

#include <chg/gate/fit_record.hpp>
#include <chg/model/batch_runner.hpp>

#include <chrono>

namespace chg {

/// Origin::scalar_bytes of a fit of this model.
template <TransformerModel M>
Index scalar_bytes(M const& model) {
  return model.products() == Products::bfloat16 ? 2 : static_cast<Index>(sizeof(typename M::scalar_type));
}

namespace detail {

/// One gate set's batch, as a runner takes and returns it.
template <class Job>
concept GateJob = requires(Job job) {
  { job.units } -> std::same_as<std::vector<Index>&>;
  { job.gates } -> std::same_as<Matrix<typename decltype(job.gates)::Scalar>&>;
  { job.d_gates } -> std::same_as<Matrix<double>&>;
  { job.logprob } -> std::same_as<std::vector<double>&>;
  { job.loss } -> std::same_as<double&>;
};

}  // namespace detail

/// Where gradients come from: chg::BatchRunner, or whatever fills loss, logprob and d_gates of jobs from units and gates.
template <class Runner, class O>
concept GradientSource =
    Objective<O> && detail::GateJob<typename Runner::Job> &&
    requires(Runner& runner, std::array<Examples const*, O::examples_per_unit> data, std::span<typename Runner::Job> jobs,
             O const& objective) { runner.run(data, jobs, objective); };

namespace detail {

/// Runs a record from its point to its end, or until the callback stops it.
template <class Record, class Runner, std::size_t K>
class Training {
  using Options = typename Record::Options;
  using ObjectiveType = decltype(objective_of(std::declval<Options const&>()));
  using Job = typename Runner::Job;
  static_assert(K == ObjectiveType::examples_per_unit);

 public:
  Training(Record& record, Runner& runner, std::array<Examples const*, K> data)
      : record_(record),
        runner_(runner),
        data_(data),
        objective_(objective_of(record.options)),
        phases_(phases_of(record.options)) {
    auto const& o = options();
    auto const start = start_of_phase(0);
    for (Index s = 0; s < o.gate_sets; ++s) {
      optimizers_.emplace_back(start.set(s), PhaseOptions{}, objective_, Adam{}, record.seed(s));
      orders_.emplace_back(data[0]->size(), record.seed(s), o.order);
    }
    jobs_.resize(static_cast<std::size_t>(o.gate_sets));
    for (auto& job : jobs_) job.units.resize(static_cast<std::size_t>(o.batch));
    for (auto const& phase : phases_) total_ += phase.updates;
    for (Index p = 0; p < record.point.phase; ++p) done_ += phases_[static_cast<std::size_t>(p)].updates;
    done_ += record.point.update;
    record_.metrics.reserve(static_cast<std::size_t>(total_ * o.gate_sets));
    for (auto& order : orders_) order.seek(done_ * o.batch);
  }

  void run() {
    began_at_ = done_, began_ = std::chrono::steady_clock::now();
    for (auto& point = record_.point; point.phase < static_cast<Index>(phases_.size()); point = {point.phase + 1, 0, {}, {}}) {
      if (!run_phase(point)) return;
      result(record_, point.phase) = logits();
    }
    record_.status = Status::finished;
  }

 private:
  Options const& options() const { return record_.options; }

  GateLogits start_of_phase(Index phase) const {
    if (phase > 0) return result(record_, 0);
    if (options().init) return *options().init;
    return random_logits(options().gate_sets, record_.origin.layers, record_.origin.heads, options().seed);
  }

  /// False when the callback stopped it, with the point stored, or RunOptions::stop within an update, which is then not made.
  bool run_phase(ResumePoint& point) {
    auto const& phase = phases_[static_cast<std::size_t>(point.phase)];
    if (phase.updates == 0) return true;  // ends where it starts
    auto const start = point.update > 0 ? point.u : start_of_phase(point.phase);
    auto const states = std::span<double const>(point.update_state);
    for (std::size_t s = 0; s < optimizers_.size(); ++s) {
      auto& optimizer = optimizers_[s];
      auto const size = optimizer.state().size();
      if (point.update == 0)
        optimizer.begin(phase, start.set(static_cast<Index>(s)));
      else
        optimizer.go_on(phase, start.set(static_cast<Index>(s)), point.update, states.subspan(s * size, size));
    }
    while (!optimizers_.front().finished()) {
      auto nll = 0.0;
      try {
        nll = update();
      } catch (Stopped const&) {
        if (optimizers_.front().updates_made() > 0)
          store(point);
        else
          record_.status = Status::interrupted;
        return false;
      }
      if (!go_on(phase, nll) && done_ < total_) {
        if (optimizers_.front().finished()) return end_between_phases(point);
        store(point);
        return false;
      }
    }
    return true;
  }

  /// One update of every set; returns the mean NLL. Allocates nothing.
  double update() {
    for (std::size_t s = 0; s < jobs_.size(); ++s) {
      orders_[s].next(jobs_[s].units);
      optimizers_[s].gates(jobs_[s].gates);
    }
    runner_.run(data_, std::span<Job>(jobs_), objective_);
    double nll = 0;
    for (std::size_t s = 0; s < jobs_.size(); ++s) {
      auto const& job = jobs_[s];
      record_.metrics.push_back(optimizers_[s].step(job.loss, job.logprob, job.d_gates));
      nll += record_.metrics.back().nll / static_cast<double>(jobs_.size());
    }
    ++done_;
    return nll;
  }

  bool go_on(PhaseOptions const& phase, double nll) const {
    if (!options().progress) return true;
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
    auto const per_update = seconds / static_cast<double>(done_ - began_at_);
    return options().progress({.phase = phase.phase,
                               .update = optimizers_.front().updates_made(),
                               .updates = phase.updates,
                               .done = done_,
                               .total = total_,
                               .nll = nll,
                               .seconds = seconds,
                               .seconds_left = per_update * static_cast<double>(total_ - done_)});
  }

  void store(ResumePoint& point) {
    point.update = optimizers_.front().updates_made();
    point.u = logits();
    point.update_state.clear();
    for (auto const& optimizer : optimizers_)
      point.update_state.insert(point.update_state.end(), optimizer.state().begin(), optimizer.state().end());
    record_.status = Status::interrupted;
  }

  bool end_between_phases(ResumePoint& point) {
    result(record_, point.phase) = logits();
    point = {point.phase + 1, 0, {}, {}};
    record_.status = Status::interrupted;
    return false;
  }

  GateLogits logits() const {
    auto values = GateLogits::filled(options().gate_sets, record_.origin.layers, record_.origin.heads, 0).values();
    auto out = values.data();
    for (auto const& optimizer : optimizers_) out = std::copy_n(optimizer.logits().data(), optimizer.logits().size(), out);
    return GateLogits(std::move(values));
  }

  Record& record_;
  Runner& runner_;
  std::array<Examples const*, K> data_;
  ObjectiveType objective_;
  std::vector<PhaseOptions> phases_;
  std::vector<GateOptimizer<ObjectiveType>> optimizers_;
  std::vector<UnitOrder> orders_;
  std::vector<Job> jobs_;
  Index total_ = 0, done_ = 0, began_at_ = 0;
  std::chrono::steady_clock::time_point began_{};
};

template <class Runner, std::size_t K>
Origin origin_of(Runner const& runner, std::array<Examples const*, K> const& data, Index layers, Index heads) {
  using Scalar = typename decltype(std::declval<typename Runner::Job>().gates)::Scalar;
  auto bytes = static_cast<Index>(sizeof(Scalar));
  if constexpr (requires { scalar_bytes(runner.model()); }) bytes = scalar_bytes(runner.model());
  return {fingerprint(data), data[0]->size(), layers, heads, bytes};
}

/// Checked before any template beyond it can fail less clearly.
template <class Model>
BatchRunner<Model> runner_for(Model const& model, RunOptions options) {
  static_assert(!is_dual<typename Model::scalar_type>,
                "chg: a fit needs a Transformer over float or double, since its logits are double. "
                "Dual numbers check gradients: use chg::gradient with that model.");
  return BatchRunner<Model>(model, options);
}

template <class Record, class Runner, std::size_t K>
Record begin_training(Runner& runner, Index layers, Index heads, std::array<Examples const*, K> data,
                      typename Record::Options options) {
  validate(options, layers, heads);
  Record record;
  record.options = resolved(std::move(options));
  record.origin = origin_of(runner, data, layers, heads);
  record.status = Status::interrupted;
  Training<Record, Runner, K>(record, runner, data).run();
  record.options.progress = nullptr;  // what it refers to may not outlive this call
  record.options.run.stop = nullptr;
  return record;
}

template <class Record, class Runner, std::size_t K>
Record continue_training(Runner& runner, Index layers, Index heads, std::array<Examples const*, K> data, Record record,
                         typename Record::Options options) {
  validate_record(record);
  validate(options, layers, heads);
  options = resolved(std::move(options));
  check_same_options(record.options, options);
  auto const advice = "Resume with the model and data of the fit, or begin another.";
  auto const now = origin_of(runner, data, layers, heads);
  auto const& then = record.origin;
  check(now.layers == then.layers && now.heads == then.heads, "resume: layers and heads of the model",
        shape_text(then.layers, then.heads), shape_text(now.layers, now.heads), advice);
  check(now.scalar_bytes == then.scalar_bytes, "resume: bytes of the model's numbers", text(then.scalar_bytes), now.scalar_bytes,
        advice);
  check(now.units == then.units, "resume: examples", text(then.units), now.units, advice);
  check(now.data == then.data, "resume: data", "the tokens and targets that the fit began with", "others", advice);
  record.options = std::move(options);
  if (record.status == Status::interrupted) Training<Record, Runner, K>(record, runner, data).run();
  record.options.progress = nullptr;
  record.options.run.stop = nullptr;
  return record;
}

}  // namespace detail

/// Fits gates from any source of gradients; what chg::fit does with a model. layers, heads: of the gates.
template <GradientSource<NextToken> Runner>
Fit fit_with(Runner& runner, Index layers, Index heads, Examples const& data, FitOptions options = {}) {
  return detail::begin_training<Fit>(runner, layers, heads, std::array{&data}, std::move(options));
}
template <GradientSource<NextToken> Runner>
Fit resume_with(Runner& runner, Index layers, Index heads, Examples const& data, Fit fit, FitOptions options) {
  return detail::continue_training(runner, layers, heads, std::array{&data}, std::move(fit), std::move(options));
}

/// Causal head gating: options.gate_sets gate sets [L, H] through the phases none, retain, remove. NLL is the mean over examples
/// of the mean over an example's target tokens, in nats. The same bits for any number of threads.
/// Throws Error for bad options, for examples that the model cannot read, and when a loss or gradient is not finite.
template <TransformerModel Model>
Fit fit(Model const& model, Examples const& data, FitOptions options = {}) {
  check_examples(model, data);
  auto runner = detail::runner_for(model, options.run);
  return fit_with(runner, model.layers(), model.heads(), data, std::move(options));
}

/// Goes on with an interrupted fit, to the bits of an uninterrupted one. A finished fit comes back as it is.
/// Throws Error naming what differs when options (threads and callback apart), data, precision or shape are not those of the
/// fit. The weights are not compared.
template <TransformerModel Model>
Fit resume(Model const& model, Examples const& data, Fit fit, FitOptions options) {
  check_examples(model, data);
  auto runner = detail::runner_for(model, options.run);
  return resume_with(runner, model.layers(), model.heads(), data, std::move(fit), std::move(options));
}
/// With the options that the fit holds, and no callback.
template <TransformerModel Model>
Fit resume(Model const& model, Examples const& data, Fit const& fit) {
  return resume(model, data, fit, fit.options);
}

}  // namespace chg
