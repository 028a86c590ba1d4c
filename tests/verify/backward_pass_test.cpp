// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <chg/verify/verify.hpp>

#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace chg;
using verify::at, verify::backward_pass, verify::contract;

Matrix<double> sample(Index rows, Index cols, std::uint32_t substream = 0) {
  Random random(4, Stream::user, substream);
  Matrix<double> m(rows, cols);
  for (Index i = 0; i < m.size(); ++i) m.data()[i] = random.normal();
  return m;
}

// y = x W: dx = dy W^T, dW = x^T dy.
auto const product = [](auto const& x, auto const& w) -> std::decay_t<decltype(x)> { return x * w; };
auto const product_backward = [](auto const& x, auto const& w, auto const& dy) {
  using M = std::decay_t<decltype(x)>;
  return std::tuple(M(dy * w.transpose()), M(x.transpose() * dy));
};

}  // namespace

TEST_CASE("backward_pass: checks every entry of every input against a random gradient of the output", "[verify]") {
  auto const point = at("x", sample(3, 4), "W", sample(4, 2, 1));
  auto const report = backward_pass(product, product_backward, point);
  CHECK(report);
  CHECK(report.compared == 20);
  auto const wrong = [](auto const& x, auto const& w, auto const& dy) {
    auto [dx, dw] = product_backward(x, w, dy);
    dw.row(3).setZero();
    return std::tuple(dx, dw);
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    auto const caught = backward_pass(product, wrong, point, {.seed = seed});
    CHECK(caught.verdict == verify::Verdict::failed);
    CHECK(caught.where.rfind("W(3, ", 0) == 0);
  }
}

TEST_CASE("backward_pass: a function of several outputs gets their gradients as a list", "[verify]") {
  auto const parts = [](auto const& x) {
    using M = std::decay_t<decltype(x)>;
    return std::tuple(M(x.array().square()), M(x.colwise().sum()));
  };
  auto const backward = [](auto const& x, auto const& dy) -> std::decay_t<decltype(x)> {
    return (2 * x.array() * dy[0].array()).rowwise() + dy[1].row(0).array();
  };
  auto const forgetful = [](auto const& x, auto const& dy) -> std::decay_t<decltype(x)> { return 2 * x.array() * dy[0].array(); };
  CHECK(backward_pass(parts, backward, sample(3, 2)));
  CHECK_FALSE(backward_pass(parts, forgetful, sample(3, 2)));
  auto const [loss, gradient] = contract(parts, backward, sample(3, 2));
  CHECK(verify::against_differences(loss, gradient, sample(3, 2)));
}

TEST_CASE("contract: the loss is the output against fixed numbers, the same for every scalar and call", "[verify]") {
  auto const point = at("x", sample(3, 4), "W", sample(4, 2, 1));
  auto const [loss, gradient] = contract(product, product_backward, point, 9);
  auto const [again, gradient_again] = contract(product, product_backward, point, 9);
  auto const [other, gradient_other] = contract(product, product_backward, point, 10);
  auto const x = sample(3, 4), w = sample(4, 2, 1);
  CHECK(loss(x, w) == again(x, w));
  CHECK(loss(x, w) != other(x, w));
  CHECK(std::get<0>(gradient(x, w)) == std::get<0>(gradient_again(x, w)));
  CHECK(std::get<0>(gradient(x, w)) != std::get<0>(gradient_other(x, w)));
  Matrix<float> const xf = x.cast<float>(), wf = w.cast<float>();
  CHECK(std::abs(loss(xf, wf) - loss(x, w)) < 24 * 1.2e-7 * 10);  // 24 products of numbers of size 1, rounded to float
  CHECK(verify::against_differences<float>(loss, gradient, point));
}

TEST_CASE("backward_pass: a whole model's loss by its gates is checked like any function", "[verify]") {
  // Two layers of two gated units, L = |G_1 * tanh(W (G_0 * x))|^2.
  Matrix<double> const w = sample(2, 2, 2), x = sample(2, 1, 3);
  auto const run = [&](auto const& gates, auto& hidden) {
    using Scalar = typename std::decay_t<decltype(gates)>::Scalar;
    using std::tanh;
    Scalar loss = 0;
    for (Index i = 0; i < 2; ++i) {
      hidden[i] = tanh(Scalar(w(i, 0) * x(0, 0)) * gates(0, 0) + Scalar(w(i, 1) * x(1, 0)) * gates(0, 1));
      loss += gates(1, i) * gates(1, i) * hidden[i] * hidden[i];
    }
    return loss;
  };
  auto const loss = [&](auto const& gates) {
    typename std::decay_t<decltype(gates)>::Scalar hidden[2];
    return run(gates, hidden);
  };
  auto const gradient = [&](Matrix<double> const& gates) {
    double hidden[2];
    run(gates, hidden);
    Matrix<double> d = Matrix<double>::Zero(2, 2);
    for (Index i = 0; i < 2; ++i) {
      d(1, i) = 2 * gates(1, i) * hidden[i] * hidden[i];
      auto const dh = 2 * gates(1, i) * gates(1, i) * hidden[i] * (1 - hidden[i] * hidden[i]);
      for (Index j = 0; j < 2; ++j) d(0, j) += dh * w(i, j) * x(j, 0);
    }
    return d;
  };
  Matrix<double> const gates = sample(2, 2, 4).array().abs().min(1.0);
  verify::Table table;
  table.add("gates", verify::against_duals(loss, gradient, at("G", gates)));
  table.add("gates", verify::directional(loss, gradient, at("G", gates)));
  table.add("gates", verify::against_differences(loss, gradient, at("G", gates)));
  INFO(table);
  CHECK(table.passed());
}
