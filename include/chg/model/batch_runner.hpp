// SPDX-License-Identifier: MIT
// Loss and gate gradient of batches, many gate sets side by side.
//
//     loss = mean over units of objective(mean target log-probability of the unit's examples)
//
// A unit is one example, or a matched pair for the contrastive objective (Nam et al. 2025, eq. 1 and 2).
#pragma once

#include <chg/model/chunks.hpp>
#include <chg/model/transformer.hpp>
#include <chg/model/workers.hpp>

#include <array>
#include <exception>
#include <span>
#include <vector>

namespace chg {

/// Thrown by BatchRunner::run when RunOptions::stop said so; nothing of the batch counts.
struct Stopped : std::exception {
  char const* what() const noexcept override { return "stopped, as it was asked to"; }
};

/// Throws Error naming the first example that the model cannot read: an id outside the vocabulary, a length beyond the context.
template <TransformerModel M>
void check_examples(M const& model, Examples const& examples) {
  for (Index i = 0; i < examples.size(); ++i) model.check_example(examples[i], i);
}

/// Keeps its scratch space: once each worker has met the largest chunk and laid its memory together, run() allocates nothing of
/// its own. The bits of the results depend on batch, model and max_rows, not on threads, nor on which jobs run together. The model
/// must outlive it.
template <TransformerModel M>
class BatchRunner {
 public:
  using Scalar = typename M::scalar_type;
  using Sum = Accumulator<Scalar>;

  /// One gate set and its batch.
  struct Job {
    std::vector<Index> units;  ///< in: indices into the data; an index that occurs twice counts twice
    Matrix<Scalar> gates;      ///< in: [L, H]
    Matrix<Sum> d_gates;       ///< out: [L, H], d loss / d G
    std::vector<Sum> logprob;  ///< out: [units, examples_per_unit], mean target log-probability of each example, nats
    Sum loss;                  ///< out: mean over units
  };

  explicit BatchRunner(M const& model, RunOptions options = {})
      : model_(model),
        limits_(chunk_limits<Scalar>(options, model.config().vocab)),
        workers_(options.threads),
        stop_(options.stop) {}

  M const& model() const { return model_; }
  int threads() const { return workers_.threads(); }

  /// objective(logprob, d_logprob) returns a unit's loss and writes its derivatives by each of the unit's log-probabilities. An
  /// objective that declares `forward_only` gets no backward pass: d_gates is 0.
  /// data: one data set for each example of a unit. Throws Error on gates of another shape or a unit that does not exist;
  /// tokens are not checked again, see check_examples. Throws Stopped when RunOptions::stop says so.
  template <class Objective>
  void run(std::array<Examples const*, static_cast<std::size_t>(Objective::examples_per_unit)> data, std::span<Job> jobs,
           Objective const& objective) {
    constexpr auto kExamples = static_cast<std::size_t>(Objective::examples_per_unit);
    plan(data, jobs);
    workers_.run(static_cast<Index>(tasks_.size()), [&](Index t, Scratch& scratch) {
      if (stop_ && stop_()) throw Stopped();
      auto& task = tasks_[largest_first_[static_cast<std::size_t>(t)]];
      run_chunk<kExamples>(data, jobs[static_cast<std::size_t>(task.job)], task, objective, scratch);
    });
    for (auto& job : jobs) {
      job.d_gates.setZero();
      job.loss = Sum(0);
    }
    for (auto const& task : tasks_) {  // in chunk order, whoever computed them
      auto& job = jobs[static_cast<std::size_t>(task.job)];
      job.d_gates += d_gates_[static_cast<std::size_t>(task.slot)];
      job.loss += task.loss;
    }
  }

 private:
  struct Task {
    Index job, chunk, slot, rows;
    Sum loss;
  };
  struct Scratch {
    PrefixTree tree;
    Pass<Scalar> pass;
    std::vector<Example const*> examples;
    std::vector<Scalar> d_edge;
  };

  template <std::size_t N>
  void plan(std::array<Examples const*, N> const& data, std::span<Job> jobs) {
    if (plans_.size() < jobs.size()) plans_.resize(jobs.size());
    tasks_.clear();
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      auto& job = jobs[j];
      check_shape("batch: gates", job.gates, model_.layers(), model_.heads());
      check(!job.units.empty(), "batch: units", "at least one", "none");
      for (auto const unit : job.units)
        if (unit < 0 || unit >= data[0]->size())
          throw Error({"batch: unit", text("an index in 0..", data[0]->size() - 1), text(unit), ""});
      job.d_gates.resize(model_.layers(), model_.heads());
      job.logprob.resize(job.units.size() * N);
      plans_[j].cut(data, job.units, limits_);
      for (Index c = 0; c < plans_[j].chunks(); ++c)
        tasks_.push_back({static_cast<Index>(j), c, static_cast<Index>(tasks_.size()), plans_[j].rows(c), Sum(0)});
    }
    while (d_gates_.size() < tasks_.size()) d_gates_.emplace_back(model_.layers(), model_.heads());
    largest_first_.resize(tasks_.size());
    std::iota(largest_first_.begin(), largest_first_.end(), std::size_t{0});
    std::sort(largest_first_.begin(), largest_first_.end(), [&](std::size_t a, std::size_t b) {
      return tasks_[a].rows != tasks_[b].rows ? tasks_[a].rows > tasks_[b].rows : a < b;
    });
  }

  template <std::size_t N, class Objective>
  void run_chunk(std::array<Examples const*, N> const& data, Job& job, Task& task, Objective const& objective, Scratch& s) {
    auto const units = plans_[static_cast<std::size_t>(task.job)].chunk(task.chunk);
    s.examples.clear();
    for (auto const place : units)
      for (auto const* examples : data) s.examples.push_back(&(*examples)[job.units[static_cast<std::size_t>(place)]]);
    s.tree.build(s.examples);
    constexpr auto with_backward = !requires { Objective::forward_only; };
    model_.forward(s.tree, job.gates.data(), s.pass, with_backward ? Keep::for_backward : Keep::results);

    s.d_edge.assign(s.tree.edges().size(), Scalar(0));
    auto const per_unit = Sum(1.0 / static_cast<double>(job.units.size()));
    for (std::size_t u = 0; u < units.size(); ++u) {
      std::array<Sum, N> logprob, d_logprob;
      for (std::size_t k = 0; k < N; ++k) {
        auto const edges = s.tree.edges_of(static_cast<Index>(u * N + k));
        logprob[k] = Sum(0);
        for (auto const e : edges) logprob[k] += number_cast<Sum>(s.pass.logprob[static_cast<std::size_t>(e)]);
        logprob[k] *= Sum(1.0 / static_cast<double>(edges.size()));
        job.logprob[static_cast<std::size_t>(units[u]) * N + k] = logprob[k];
      }
      task.loss += per_unit * objective(std::span<Sum const>(logprob), std::span<Sum>(d_logprob));
      for (std::size_t k = 0; k < N; ++k) {
        auto const edges = s.tree.edges_of(static_cast<Index>(u * N + k));
        auto const share = number_cast<Scalar>(d_logprob[k] * per_unit * Sum(1.0 / static_cast<double>(edges.size())));
        for (auto const e : edges) s.d_edge[static_cast<std::size_t>(e)] += share;
      }
    }
    auto& d_gates = d_gates_[static_cast<std::size_t>(task.slot)];
    d_gates.setZero();
    if constexpr (with_backward)
      model_.backward(s.tree, job.gates.data(), s.pass, std::span<Scalar const>(s.d_edge), d_gates.data());
  }

  M const& model_;
  ChunkLimits limits_;
  Workers<Scratch> workers_;
  bool (*stop_)();
  std::vector<ChunkPlan> plans_;
  std::vector<Task> tasks_;
  std::vector<std::size_t> largest_first_;  // so that workers end at about the same time
  std::vector<Matrix<Sum>> d_gates_;
};

}  // namespace chg
