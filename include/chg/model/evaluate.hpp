// SPDX-License-Identifier: MIT
// How well a model with given gates does on given examples, and which way each gate would move it.
#pragma once

#include <chg/model/batch_runner.hpp>
#include <chg/model/mean_nll.hpp>
#include <chg/model/replacement.hpp>

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

namespace chg {

/// One example: every entry is a target token, in order.
struct ExampleScore {
  std::vector<double> logprob;  ///< nats
  std::vector<Token> argmax;    ///< the most likely token given the true tokens before; ties to the lowest id
  std::vector<Token> target;

  double mean_logprob() const {
    return std::accumulate(logprob.begin(), logprob.end(), 0.0) / static_cast<double>(logprob.size());
  }
  /// Whether every target token is the arg max.
  bool correct() const { return argmax == target; }
  /// Share of target tokens that are the arg max.
  double token_accuracy() const {
    Index right = 0;
    for (std::size_t t = 0; t < target.size(); ++t) right += argmax[t] == target[t];
    return static_cast<double>(right) / static_cast<double>(target.size());
  }
};

/// All of a data set; every figure is a mean over examples.
struct Evaluation {
  std::vector<ExampleScore> examples;

  /// Mean over examples of the mean over target tokens, nats.
  double nll() const {
    return -mean([](auto const& e) { return e.mean_logprob(); });
  }
  double accuracy() const {
    return mean([](auto const& e) { return e.correct() ? 1.0 : 0.0; });
  }
  double token_accuracy() const {
    return mean([](auto const& e) { return e.token_accuracy(); });
  }

 private:
  template <class F>
  double mean(F const& f) const {
    double sum = 0;
    for (auto const& e : examples) sum += f(e);
    return sum / static_cast<double>(examples.size());
  }
};

/// Gates that are evaluated beside others that differ from the same context.
struct Variation {
  Matrix<double> gates;           ///< [L, H]
  Matrix<std::uint8_t> replaced;  ///< [L, H], 1 for the heads that a replacement applies to; empty: all
};

/// Scores one data set under many gates: the prefix trees are built once. The model and the examples must outlive it. Throws Stopped
/// when RunOptions::stop says so.
template <TransformerModel M>
class Scorer {
 public:
  using Scalar = typename M::scalar_type;

  /// Throws Error when the model cannot read an example.
  Scorer(M const& model, Examples const& examples, RunOptions options = {})
      : model_(model), examples_(examples), options_(options), workers_(options.threads) {
    check_examples(model, examples);
    prepare(shared_, Sharing::prefixes);
  }

  /// gates: [L, H], finite. Throws Error on another shape.
  Evaluation operator()(Matrix<double> const& gates) { return run(gates, shared_, {}, {}); }

  /// The same with replaced heads: those marked 1 in `heads` [L, H], or all when it is empty. A resampled replacement must have
  /// been captured from these examples.
  Evaluation operator()(Matrix<double> const& gates, Replacement<Scalar> const& replacement,
                        Matrix<std::uint8_t> const& heads = {}) {
    if (heads.size() > 0) check_shape("replaced heads", heads, model_.layers(), model_.heads());
    return run(gates, chunks_for(replacement), replacement, heads);
  }

  /// The mean target log-probability [variations, examples], nats, of many gates. Each runs from the lowest layer on in which it
  /// differs from the context (its gates, or a head that is replaced), on the residual stream that the context leaves there:
  /// about half of the work, where one head of every layer is switched in turn. The bits are those of whole runs.
  /// Memory beside the result: one stream, [rows of a chunk, C], a worker.
  Matrix<double> mean_logprobs(Matrix<double> const& context, std::span<Variation const> variations,
                               Replacement<Scalar> const& replacement = {}) {
    check_gates(context);
    std::vector<Index> from, order(variations.size());
    for (auto const& v : variations) from.push_back(lowest_difference(context, v, replacement));
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](Index a, Index b) { return from[static_cast<std::size_t>(a)] < from[static_cast<std::size_t>(b)]; });
    auto const& chunks = chunks_for(replacement);
    Matrix<Scalar> const context_gates = context.template cast<Scalar>();
    Matrix<double> result(static_cast<Index>(variations.size()), examples_.size());
    workers_.run(static_cast<Index>(chunks.size()), [&](Index c, Scratch& scratch) {
      if (options_.stop && options_.stop()) throw Stopped();
      auto const& chunk = chunks[static_cast<std::size_t>(c)];
      ResidualStream<Scalar> stream;
      Index unchanged = -1;  // a variation that is the context, once there is one
      for (auto const v : order) {
        auto const& variation = variations[static_cast<std::size_t>(v)];
        auto const lowest = from[static_cast<std::size_t>(v)];
        if (lowest == model_.layers() && unchanged >= 0) {
          for (auto const e : chunk.examples) result(v, e) = result(unchanged, e);
          continue;
        }
        if (lowest == model_.layers()) unchanged = v;
        while (stream.layer < std::min(lowest, model_.layers() - 1))
          model_.advance(chunk.tree, context_gates.data(), scratch.pass, stream);
        point_at(replacement, variation.replaced, chunk, scratch);
        Matrix<Scalar> const gates = variation.gates.template cast<Scalar>();
        model_.forward_from(stream, chunk.tree, gates.data(), scratch.pass,
                            std::span<HeadReplacement<Scalar> const>(scratch.replaced));
        for (std::size_t i = 0; i < chunk.examples.size(); ++i) {
          auto const edges = chunk.tree.edges_of(static_cast<Index>(i));
          double sum = 0;
          for (auto const e : edges) sum += static_cast<double>(real(scratch.pass.logprob[static_cast<std::size_t>(e)]));
          result(v, chunk.examples[i]) = sum / static_cast<double>(edges.size());
        }
      }
    });
    return result;
  }

 private:
  struct Chunk {
    PrefixTree tree;
    std::vector<Index> examples;
  };

  // Chunks that the replacement can be applied to: a resampled one needs every example's rows apart.
  std::vector<Chunk> const& chunks_for(Replacement<Scalar> const& replacement) {
    if (replacement.kind == Replace::zero) return shared_;
    check(static_cast<Index>(replacement.heads.size()) == model_.layers(), "replacement",
          text("one entry for each of ", model_.layers(), " layers"), replacement.heads.size(), "Capture it from this model.");
    if (replacement.kind == Replace::mean) return shared_;
    check(static_cast<Index>(replacement.first_row.size()) == examples_.size() + 1, "replacement",
          text("rows for ", examples_.size(), " examples"), static_cast<Index>(replacement.first_row.size()) - 1,
          "Capture it from the examples that are scored.");
    if (apart_.empty()) prepare(apart_, Sharing::none);
    return apart_;
  }

  void check_gates(Matrix<double> const& gates) const {
    check_shape("gates", gates, model_.layers(), model_.heads());
    check(gates.allFinite(), "gates", "finite numbers", "NaN or infinity");
  }

  // The lowest layer in which a variation differs from the context; L: none.
  Index lowest_difference(Matrix<double> const& context, Variation const& variation,
                          Replacement<Scalar> const& replacement) const {
    check_gates(variation.gates);
    auto const& replaced = variation.replaced;
    if (replaced.size() > 0) check_shape("replaced heads", replaced, model_.layers(), model_.heads());
    for (Index l = 0; l < model_.layers(); ++l) {
      auto const any_replaced = replacement.kind != Replace::zero && (replaced.size() == 0 || replaced.row(l).any());
      if (any_replaced || variation.gates.row(l) != context.row(l)) return l;
    }
    return model_.layers();
  }

  struct Scratch {
    Pass<Scalar> pass;
    std::vector<HeadReplacement<Scalar>> replaced;
    Matrix<Scalar> last_layer;
  };

  void prepare(std::vector<Chunk>& chunks, Sharing sharing) const {
    std::vector<Index> all(static_cast<std::size_t>(examples_.size()));
    std::iota(all.begin(), all.end(), Index{0});
    Examples const* const data[] = {&examples_};
    ChunkPlan plan;
    plan.cut(data, all, chunk_limits<Scalar>(options_, model_.config().vocab), sharing);
    std::vector<Example const*> pointers;
    for (Index c = 0; c < plan.chunks(); ++c) {
      auto& chunk = chunks.emplace_back();
      chunk.examples.assign(plan.chunk(c).begin(), plan.chunk(c).end());
      pointers.clear();
      for (auto const i : chunk.examples) pointers.push_back(&examples_[i]);
      chunk.tree.build(pointers, sharing);
    }
  }

  Evaluation run(Matrix<double> const& gates, std::vector<Chunk> const& chunks, Replacement<Scalar> const& replacement,
                 Matrix<std::uint8_t> const& heads) {
    check_gates(gates);
    Matrix<Scalar> const g = gates.template cast<Scalar>();
    Evaluation evaluation;
    evaluation.examples.resize(static_cast<std::size_t>(examples_.size()));
    workers_.run(static_cast<Index>(chunks.size()), [&](Index c, Scratch& scratch) {
      if (options_.stop && options_.stop()) throw Stopped();
      auto const& chunk = chunks[static_cast<std::size_t>(c)];
      point_at(replacement, heads, chunk, scratch);
      model_.forward(chunk.tree, g.data(), scratch.pass, Keep::results,
                     std::span<HeadReplacement<Scalar> const>(scratch.replaced));
      for (std::size_t i = 0; i < chunk.examples.size(); ++i) {
        auto& score = evaluation.examples[static_cast<std::size_t>(chunk.examples[i])];
        for (auto const e : chunk.tree.edges_of(static_cast<Index>(i))) {
          auto const& edge = chunk.tree.edges()[static_cast<std::size_t>(e)];
          score.logprob.push_back(static_cast<double>(real(scratch.pass.logprob[static_cast<std::size_t>(e)])));
          score.argmax.push_back(scratch.pass.argmax[static_cast<std::size_t>(edge.target)]);
          score.target.push_back(edge.token);
        }
      }
    });
    return evaluation;
  }

  // The replacement rows of a chunk's queries: in the last layer, those of its target rows.
  void point_at(Replacement<Scalar> const& replacement, Matrix<std::uint8_t> const& heads, Chunk const& chunk,
                Scratch& scratch) const {
    scratch.replaced.clear();
    if (replacement.kind == Replace::zero) return;
    for (Index l = 0; l < model_.layers(); ++l) {
      auto const& r = replacement.heads[static_cast<std::size_t>(l)];
      auto const* const marked = heads.size() > 0 ? heads.data() + l * heads.cols() : nullptr;
      if (replacement.kind == Replace::mean) {
        scratch.replaced.push_back({r.data(), 0, marked});
        continue;
      }
      auto const first = replacement.first_row[static_cast<std::size_t>(chunk.examples.front())];
      scratch.replaced.push_back({r.data() + first * r.cols(), r.cols(), marked});
    }
    if (replacement.kind == Replace::resample) {
      auto& last = scratch.replaced.back();
      auto const rows = chunk.tree.target_rows();
      scratch.last_layer.resize(static_cast<Index>(rows.size()), last.stride);
      for (std::size_t i = 0; i < rows.size(); ++i)
        scratch.last_layer.row(static_cast<Index>(i)) = map(last.rows + rows[i] * last.stride, 1, last.stride);
      last.rows = scratch.last_layer.data();
    }
  }

  M const& model_;
  Examples const& examples_;
  RunOptions options_;
  Workers<Scratch> workers_;
  std::vector<Chunk> shared_, apart_;
};

/// Scores examples under gates [L, H].
template <TransformerModel M>
Evaluation score(M const& model, Examples const& examples, Matrix<double> const& gates, RunOptions options = {}) {
  return Scorer<M>(model, examples, options)(gates);
}

/// Scores examples with closed heads replaced.
template <TransformerModel M>
Evaluation score(M const& model, Examples const& examples, Matrix<double> const& gates,
                 Replacement<typename M::scalar_type> const& replacement, RunOptions options = {}) {
  return Scorer<M>(model, examples, options)(gates, replacement);
}

/// Scores examples under the model as it is: every gate 1.
template <TransformerModel M>
Evaluation score(M const& model, Examples const& examples, RunOptions options = {}) {
  return score(model, examples, Matrix<double>(Matrix<double>::Ones(model.layers(), model.heads())), options);
}

template <class Scalar>
struct GateGradient {
  Accumulator<Scalar> nll;              ///< mean over examples of the mean over target tokens, nats
  Matrix<Accumulator<Scalar>> d_gates;  ///< [L, H], d nll / d G
};

namespace detail {
struct MeanNllOnly : MeanNll {
  static constexpr bool forward_only = true;
};

/// Runs all examples as one batch.
template <TransformerModel M, class Objective>
typename BatchRunner<M>::Job run_all(M const& model, Examples const& examples, Matrix<typename M::scalar_type> const& gates,
                                     Objective const& objective, RunOptions const& options) {
  check_examples(model, examples);
  std::vector<typename BatchRunner<M>::Job> jobs(1);
  jobs[0].units.resize(static_cast<std::size_t>(examples.size()));
  std::iota(jobs[0].units.begin(), jobs[0].units.end(), Index{0});
  jobs[0].gates = gates;
  BatchRunner<M>(model, options).run({&examples}, std::span(jobs), objective);
  return std::move(jobs[0]);
}

}  // namespace detail

/// The NLL of a data set at gates [L, H], in any scalar: mean over examples of the mean over target tokens, nats.
template <TransformerModel M>
Accumulator<typename M::scalar_type> nll(M const& model, Examples const& examples, Matrix<typename M::scalar_type> const& gates,
                                         RunOptions options = {}) {
  return detail::run_all(model, examples, gates, detail::MeanNllOnly{}, options).loss;
}

/// The NLL of a data set and its derivative by every gate, at gates [L, H].
template <TransformerModel M>
GateGradient<typename M::scalar_type> gradient(M const& model, Examples const& examples,
                                               Matrix<typename M::scalar_type> const& gates, RunOptions options = {}) {
  auto job = detail::run_all(model, examples, gates, MeanNll{}, options);
  return {job.loss, std::move(job.d_gates)};
}

}  // namespace chg
