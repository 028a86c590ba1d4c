// SPDX-License-Identifier: MIT
// Updates of a model small enough to count every instruction of, and yet made of whole tiles: its extents are multiples of 64.
#pragma once

#include "regression/workloads.hpp"

#include <chg/gate/gate_optimizer.hpp>
#include <chg/model/batch_runner.hpp>

#include <numeric>
#include <vector>

namespace chg::tests {

inline Config tiny_config() {
  Config c;
  c.layers = 3, c.heads = 4, c.kv_heads = 2, c.head_dim = 32, c.d_model = 128, c.d_ff = 256, c.vocab = 512, c.context = 128;
  return c;
}

/// Prompts that share an instruction and, some of them, a leading example.
inline Examples tiny_examples() { return Workload(1, tiny_config().vocab).instruction(8); }

/// One gate set on one thread; every update takes all examples.
class FitOfTinyModel {
 public:
  using Model = Transformer<llama_like, float>;

  FitOfTinyModel() {
    jobs_[0].units.resize(static_cast<std::size_t>(examples_.size()));
    std::iota(jobs_[0].units.begin(), jobs_[0].units.end(), Index{0});
  }

  Model const& model() const { return model_; }

  double update() {
    optimizer_.gates(jobs_[0].gates);
    runner_.run({&examples_}, std::span(jobs_), NextToken{});
    optimizer_.step(jobs_[0].loss, jobs_[0].logprob, jobs_[0].d_gates);
    return jobs_[0].loss;
  }

 private:
  Examples examples_ = tiny_examples();
  Model model_{tiny_config(), random_weights<float>(llama_like, tiny_config())};
  BatchRunner<Model> runner_{model_, {.threads = 1}};
  std::array<BatchRunner<Model>::Job, 1> jobs_;
  GateOptimizer<NextToken> optimizer_{Matrix<double>::Zero(tiny_config().layers, tiny_config().heads)};
};

}  // namespace chg::tests
