// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/ops/cross_entropy.hpp>
#include <chg/verify/verify.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace {

using namespace chg;

struct Target {
  Index row, token;
  double weight;
};

// loss = -sum_e w_e log p, through softmax_row; p is left in x.
template <class Scalar>
Scalar loss_of(Matrix<Scalar>& x, std::vector<Target> const& targets) {
  Scalar loss = 0;
  auto const logits = x;
  for (Index i = 0; i < x.rows(); ++i) {
    auto const likelihood = ops::softmax_row(x.data() + i * x.cols(), x.cols());
    for (auto const& t : targets)
      if (t.row == i) loss -= Scalar(t.weight) * (logits(i, t.token) - likelihood.log_normaliser);
  }
  return loss;
}

// dx = (sum_e w_e) p - sum_e w_e onehot.
template <class Scalar>
Matrix<Scalar> gradient_of(Matrix<Scalar> x, std::vector<Target> const& targets) {
  loss_of(x, targets);
  Matrix<Scalar> dx = Matrix<Scalar>::Zero(x.rows(), x.cols());
  for (auto const& t : targets) {
    dx.row(t.row) += Scalar(t.weight) * x.row(t.row);
    dx(t.row, t.token) -= Scalar(t.weight);
  }
  return dx;
}

template <class Scalar>
Scalar twin_loss(Matrix<Scalar> const& x, std::vector<Target> const& targets) {
  auto const logp = twins::log_softmax(x);
  Scalar loss = 0;
  for (auto const& t : targets) loss -= Scalar(t.weight) * logp(t.row, t.token);
  return loss;
}

// Several targets in row 0, one twice, none in row 1.
std::vector<Target> targets_for(Index vocab) {
  return {{0, 0, 0.25}, {0, vocab - 1, 0.5}, {0, vocab / 2, 0.125}, {0, 0, 0.0625}, {2, vocab / 3, 1}};
}

}  // namespace

TEST_CASE("cross_entropy: log-probabilities and their gradient are those of plain loops and dual numbers", "[ops]") {
  for (Index vocab : {1, 2, 7, 8, 9, 15, 16, 17, 31, 127}) {
    auto const x = twins::sample(3, vocab, 1, 4);
    auto const targets = targets_for(vocab);
    INFO("V = " << vocab);
    auto p = x;
    CHECK(std::abs(loss_of(p, targets) - twin_loss(x, targets)) <=
          (8 + double(vocab) / 4) * 2.3e-16 * (1 + std::abs(twin_loss(x, targets))));
    Matrix<double> const expected = twins::log_softmax(x).array().exp();
    CHECK(twins::agree(p, expected, 16 + double(vocab) / 4));
    auto const plain = [&](auto const& in) { return twin_loss(in, targets); };
    auto const fast = [&](auto in) { return loss_of(in, targets); };
    verify::DualOptions const options{.floor = vocab == 1 ? 1.0 : 1e-8};  // one token: p is 1 whatever x
    CHECK(verify::against_duals(
        plain, [&](auto const& in) { return gradient_of(in, targets); }, x, options));
    CHECK(verify::against_duals(
        fast, [&](auto const& in) { return gradient_of(in, targets); }, x, options));
  }
}

TEST_CASE("cross_entropy: in float the error is at most twice that of the plain loop", "[ops]") {
  for (Index vocab : {17, 1000}) {
    Matrix<float> const x = twins::sample(3, vocab, 1, 4).cast<float>();
    Matrix<double> const exact = x.cast<double>();
    auto p = x;
    Matrix<float> fast(3, vocab);
    for (Index i = 0; i < 3; ++i) {
      auto const likelihood = ops::softmax_row(p.data() + i * vocab, vocab);
      fast.row(i) = (x.row(i).array() - likelihood.log_normaliser).matrix();
    }
    INFO("V = " << vocab);
    CHECK(twins::float_bound(fast, twins::log_softmax(x), twins::log_softmax(exact)).holds());
    CHECK(twins::float_bound(p, twins::log_softmax(x).array().exp().matrix(), twins::log_softmax(exact).array().exp().matrix())
              .holds());
  }
}

TEST_CASE("cross_entropy: logits of any size give finite log-probabilities, and a shift changes nothing", "[ops]") {
  for (auto const shift : {-1e4f, 0.0f, 1e4f}) {
    Matrix<float> x(1, 4);
    x << shift, shift + 1, shift - 200, shift + 2;
    auto const likelihood = ops::softmax_row(x.data(), 4);
    INFO("shift " << shift);
    CHECK(std::isfinite(likelihood.log_normaliser));
    // log(1 + e + e^2) = 2.40760596; near 10^4 a float is 0.001 from the next.
    CHECK(std::abs(likelihood.log_normaliser - shift - 2.40760596f) < 1e-6f + std::abs(shift) * 6e-8f * 2);
    CHECK(std::abs(x.sum() - 1) < 3e-7f);
    CHECK(x(0, 2) >= 0);
    CHECK(x(0, 2) < 2e-38f);  // exp(-202), or the least normal number where Eigen stops there
    CHECK(likelihood.argmax == 3);
  }
  Matrix<double> x(1, 2);
  x << 0, -1e300;
  CHECK(ops::softmax_row(x.data(), 2).log_normaliser == 0);
  CHECK(x(0, 1) >= 0);
  CHECK(x(0, 1) < 3e-308);
}

TEST_CASE("cross_entropy: the most likely token of a tie is the lowest, wherever it stands", "[ops]") {
  Index wrong = 0;
  for (Index vocab : {1, 2, 16, 17, 40})
    for (Index first = 0; first < vocab; ++first)
      for (Index second = first; second < vocab; ++second) {
        Matrix<float> x = Matrix<float>::Constant(1, vocab, -1);
        x(0, first) = x(0, second) = 2;
        Matrix<Dual<double>> dual = x.cast<double>().cast<Dual<double>>();
        wrong += ops::softmax_row(x.data(), vocab).argmax != first;
        wrong += ops::softmax_row(dual.data(), vocab).argmax != first;
      }
  CHECK(wrong == 0);
}
