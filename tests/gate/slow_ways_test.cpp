// SPDX-License-Identifier: MIT
// Fits with the shortcuts turned off, one after the other and all together, end at the same gates.
//
//     threads                                                                                          the same bits
//     all examples in one chunk, several chunks, each example alone, so that no prefix is shared       within round-off
//     plain loops on dual numbers: no trees, no packed weights, no vectors, no backward pass           within round-off
//     another build: another instruction set, another library of products                              within round-off
//
// Round-off: a product is the exact product of factors that are relatively wrong by at most n u, n its longest sum (Higham, Accuracy
// and Stability, 3.1), so two ways differ at most as fits of models do whose weights are wrong by that, once for each of the S sums
// in a row. By how much gates differ is measured with weights that are wrong by delta in place of n u:
//
//     bound = S n u / delta * |G(weights) - G(weights * (1 +- delta))|
#include "support/catch.hpp"
#include "support/plain_transformer.hpp"
#include "support/tiny_models.hpp"

#include <chg/gate/contrast.hpp>

#include <array>
#include <limits>

using namespace chg;

namespace {

constexpr double kWrongBy = 1e-6;

Config config() {
  Config c;
  c.layers = 2, c.heads = 4, c.kv_heads = 2, c.head_dim = 4, c.d_model = 12, c.d_ff = 20, c.vocab = 29, c.context = 16;
  return c;
}

template <class Real = double>
Weights<Real> weights() {
  return random_weights<Real>(llama_like, config(), {.seed = 3, .biases = true, .tied = false, .random_norms = true});
}
Weights<double> wrong_weights() {
  auto w = weights();
  Random random(5, Stream::user);
  for_each_tensor(resolved(llama_like, config()), w, [&](auto const&, auto& tensor, auto const&) {
    for (Index i = 0; i < tensor.size(); ++i) tensor.data()[i] *= random.below(2) == 0 ? 1 + kWrongBy : 1 - kWrongBy;
  });
  return w;
}

/// Half the prompts begin alike.
Examples data(std::uint64_t seed) {
  std::vector<Example> all;
  for (std::uint32_t i = 0; i < 24; ++i) {
    Random random(seed, Stream::user, i);
    auto const token = [&] { return static_cast<Token>(random.below(29)); };
    std::vector<Token> prompt = {1, 2, 3}, target;
    if (i % 2 == 0) prompt = {token(), token()};
    for (auto n = random.below(6); n > 0; --n) prompt.push_back(token());
    for (auto n = 1 + random.below(3); n > 0; --n) target.push_back(token());
    all.push_back(prompt_and_target(prompt, target));
  }
  return Examples(all);
}

FitOptions options(Index max_rows = 1024, int threads = 1) {
  FitOptions o;
  o.gate_sets = 2, o.batch = 10, o.updates = 6, o.updates_pressed = 5, o.seed = 8;
  o.run.threads = threads, o.run.max_rows = max_rows;
  return o;
}
ContrastOptions contrast_options(Index max_rows = 1024, int threads = 1) {
  ContrastOptions o;
  o.gate_sets = 2, o.batch = 10, o.updates = 8, o.seed = 8;
  o.run.threads = threads, o.run.max_rows = max_rows;
  return o;
}

ContrastiveExamples pairs() { return {data(1), data(2)}; }

double largest_difference(GateLogits const& a, GateLogits const& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.values().size(); ++i)
    largest = std::max(largest, std::abs(a.values().data()[i] - b.values().data()[i]));
  return largest;
}
double largest_difference(Fit const& a, Fit const& b) {
  return std::max(
      {largest_difference(a.u0, b.u0), largest_difference(a.u_plus, b.u_plus), largest_difference(a.u_minus, b.u_minus)});
}
double largest_difference(ContrastiveFit const& a, ContrastiveFit const& b) { return largest_difference(a.u, b.u); }

/// response: how far the gates of a fit lie from those with weights that are wrong by kWrongBy.
template <class Real>
double bound(double response) {
  constexpr double kLongestSum = 29;              // over the vocabulary
  constexpr double kSums = 2 * (2 * 12 + 4) + 3;  // 12 a layer, forward and backward; embedding, norm, logits; over the batch
  return kSums * kLongestSum * static_cast<double>(std::numeric_limits<Real>::epsilon()) / 2 / kWrongBy * response;
}

/// Gradients by plain loops on dual numbers, one gate and one example at a time.
struct PlainRunner {
  struct Job {
    std::vector<Index> units;
    Matrix<double> gates, d_gates;
    std::vector<double> logprob;
    double loss;
  };
  using Number = Dual<double>;

  template <std::size_t K, class Objective>
  void run(std::array<Examples const*, K> data, std::span<Job> jobs, Objective const& objective) {
    for (auto& job : jobs) {
      job.d_gates.setZero(job.gates.rows(), job.gates.cols());
      job.logprob.resize(job.units.size() * K);
      for (Index i = 0; i < job.gates.size(); ++i) {
        Matrix<Number> gates = job.gates.cast<Number>();
        gates.data()[i].tangent = 1;
        Number loss = 0;
        for (std::size_t u = 0; u < job.units.size(); ++u) {
          std::array<Number, K> logprob, ignored;
          for (std::size_t k = 0; k < K; ++k) {
            logprob[k] = log_probability((*data[k])[job.units[u]], gates);
            job.logprob[u * K + k] = logprob[k].value;
          }
          loss = loss + objective(std::span<Number const>(logprob), std::span<Number>(ignored));
        }
        job.loss = loss.value / static_cast<double>(job.units.size());
        job.d_gates.data()[i] = loss.tangent / static_cast<double>(job.units.size());
      }
    }
  }

  Number log_probability(Example const& e, Matrix<Number> const& gates) const {
    auto const log_p = tests::plain_log_probabilities(llama_like, config(), of, e.tokens, gates);
    Number sum = 0;
    for (std::size_t t = 1; t < e.tokens.size(); ++t)
      if (e.target_mask[t]) sum = sum + log_p[t - 1][static_cast<std::size_t>(e.tokens[t])];
    return sum / static_cast<double>(e.targets());
  }

  Weights<double> of = weights();
};

/// Of the first examples, as many as a batch has.
Index chunks(Index max_rows) {
  auto const examples = data(1);
  Examples const* const pointers[] = {&examples};
  std::vector<Index> units(static_cast<std::size_t>(options().batch));
  std::iota(units.begin(), units.end(), Index{0});
  ChunkPlan plan;
  plan.cut(pointers, units, {.rows = max_rows});
  return plan.chunks();
}

struct Responses {
  double fit, contrast;
};

/// By how much gates differ where weights are wrong by kWrongBy.
Responses const& responses() {
  static Responses const measured = [] {
    Transformer<llama_like, double> const right(config(), weights()), wrong(config(), wrong_weights());
    return Responses{
        largest_difference(fit(right, data(1), options()), fit(wrong, data(1), options())),
        largest_difference(contrast(right, pairs(), contrast_options()), contrast(wrong, pairs(), contrast_options()))};
  }();
  return measured;
}

}  // namespace

TEMPLATE_TEST_CASE("fit: however a batch is cut, the gates are the same to round-off, and for any number of threads to the bit",
                   "[gate]", float, double) {
  Transformer<llama_like, TestType> const model(config(), weights<TestType>());
  REQUIRE(chunks(1024) == 1);
  REQUIRE(chunks(1) == options().batch);
  auto const together = fit(model, data(1), options());
  auto const pairs_together = contrast(model, pairs(), contrast_options());
  for (Index const max_rows : {40, 1}) {  // 1: each example is a chunk by itself
    auto const apart = fit(model, data(1), options(max_rows));
    CHECK(largest_difference(apart, together) <= bound<TestType>(responses().fit));
    auto const pairs_apart = contrast(model, pairs(), contrast_options(max_rows));
    CHECK(largest_difference(pairs_apart, pairs_together) <= bound<TestType>(responses().contrast));
    for (int const threads : {2, 3}) {
      auto const shared = fit(model, data(1), options(max_rows, threads));
      CHECK(shared.u0 == apart.u0);
      CHECK(shared.u_plus == apart.u_plus);
      CHECK(shared.u_minus == apart.u_minus);
      CHECK(shared.metrics == apart.metrics);
      CHECK(contrast(model, pairs(), contrast_options(max_rows, threads)).u == pairs_apart.u);
    }
  }
}

TEST_CASE("fit: plain loops on dual numbers, one example and one gate at a time, end at the same gates", "[gate]") {
  PlainRunner plain;
  Transformer<llama_like, double> const model(config(), weights());
  CHECK(largest_difference(fit_with(plain, 2, 4, data(1), options()), fit(model, data(1), options())) <=
        bound<double>(responses().fit));
  CHECK(largest_difference(contrast_with(plain, 2, 4, pairs(), contrast_options()),
                           contrast(model, pairs(), contrast_options())) <= bound<double>(responses().contrast));
}

TEST_CASE("fit: every build ends at the same gates", "[gate]") {
  // u_plus of the first gate set, by PlainRunner.
  std::vector<double> const expected{0.51705198860195545, 2.976517814433008,  2.1483401921989778,  1.218607238391594,
                                     1.8837206442585739,  3.1053414016250658, -1.9059588456492174, 0.6273881337235232};
  auto const found = fit(Transformer<llama_like, double>(config(), weights()), data(1), options());
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK(std::abs(found.u_plus.values().data()[i] - expected[i]) <= bound<double>(responses().fit));
}
