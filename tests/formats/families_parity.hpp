// SPDX-License-Identifier: MIT
// A tiny model of a family, as transformers saved it, against what families_golden.py recorded from transformers in float64.
#pragma once

#include <chg/formats/load.hpp>
#include <chg/model/evaluate.hpp>
#include <chg/model/trace.hpp>

#include "formats/test_files.hpp"
#include "support/catch.hpp"

#include <string>
#include <type_traits>
#include <vector>

namespace chg::test {

inline std::filesystem::path family_directory(std::string const& name) { return repository("tests/formats/families/" + name); }

inline nlohmann::json family_golden(std::string const& name) {
  static auto const all = formats::read_json(repository("tests/formats/families_golden.json"));
  return all.at(name);
}

inline Matrix<double> recorded_matrix(nlohmann::json const& rows) {
  Matrix<double> m(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (Index i = 0; i < m.rows(); ++i)
    for (Index j = 0; j < m.cols(); ++j) m(i, j) = rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].get<double>();
  return m;
}

/// Every token but the first is a target.
inline Example whole_sequence(std::vector<Token> tokens) {
  Example e{.tokens = std::move(tokens), .target_mask = {}};
  e.target_mask.assign(e.tokens.size(), 1);
  e.target_mask[0] = 0;
  return e;
}

/// Log-probabilities after every token, log-probabilities of targets at the recorded gates, their mean, and its gradient by gate.
template <Architecture A, class Real>
void check_parity(std::string const& name) {
  INFO(name << (std::is_same_v<Real, float> ? " in float" : " in double"));
  auto const recorded = family_golden(name);
  auto const model = load<A, Real>(family_directory(name));
  auto const gates = recorded_matrix(recorded["gates"]);
  // Recorded with 12 decimals, in other orders of summation. In float a sum of n terms errs by sqrt(n) u (Higham and Mary 2019), n
  // at most d_ff; the 2 L + 1 stages pass on what they were given, and so does each stage of the backward pass. Three times that,
  // since entries of 1.3 / sqrt(fan-in) let an error grow from stage to stage.
  auto const stages = static_cast<double>(2 * model.layers() + 1), terms = static_cast<double>(model.config().d_ff);
  auto const error = [&](double largest) {
    return std::is_same_v<Real, float> ? 3 * stages * std::sqrt(terms) * 0x1p-24 * largest : 1e-11 * std::max(1.0, largest);
  };
  std::vector<Example> examples;
  for (std::size_t s = 0; s < recorded["sequences"].size(); ++s) {
    auto const tokens = recorded["sequences"][s].get<std::vector<Token>>();
    auto const expected = recorded_matrix(recorded["log_probabilities"][s]);
    Matrix<double> logits = chg::logits(model, std::span<Token const>(tokens)).template cast<double>();
    for (Index t = 0; t < logits.rows(); ++t) {
      auto const most = logits.row(t).maxCoeff();
      logits.row(t).array() -= most + std::log((logits.row(t).array() - most).exp().sum());
    }
    CHECK((logits - expected).cwiseAbs().maxCoeff() <= error(expected.cwiseAbs().maxCoeff()));
    examples.push_back(whole_sequence(tokens));
  }
  Examples const data(examples);
  auto const score = chg::score(model, data, gates);
  double largest = 0;
  for (std::size_t s = 0; s < examples.size(); ++s) {
    auto const expected = recorded["target_log_probabilities"][s].get<std::vector<double>>();
    REQUIRE(score.examples[s].logprob.size() == expected.size());
    for (std::size_t t = 0; t < expected.size(); ++t) {
      largest = std::max(largest, std::abs(expected[t]));
      CHECK(std::abs(score.examples[s].logprob[t] - expected[t]) <= error(std::max(10.0, std::abs(expected[t]))));
    }
  }
  CHECK(std::abs(score.nll() - recorded["mean_nll"].get<double>()) <= error(std::max(10.0, largest)));
  auto const d_gates = recorded_matrix(recorded["d_mean_nll_d_gates"]);
  auto const gradient = chg::gradient(model, data, Matrix<Real>(gates.template cast<Real>()));
  CHECK((gradient.d_gates - d_gates).cwiseAbs().maxCoeff() <= 2 * error(10 * d_gates.cwiseAbs().maxCoeff()));
}

template <Architecture A>
void check_parity(std::string const& name) {
  check_parity<A, double>(name);
  check_parity<A, float>(name);
}

/// What transformers 4 wrote is read as the same model.
inline void check_version_4(std::string const& name) {
  INFO(name);
  auto const read = [&](char const* file) {
    return formats::parse_config(formats::read_json(family_directory(name) / file), file);
  };
  CHECK(read("config_v4.json") == read("config.json"));
}

}  // namespace chg::test
