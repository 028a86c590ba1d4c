// SPDX-License-Identifier: MIT
// What SwiGLU and GEGLU are checked for alike: h = unit(a) b, its gradient, and its error in float.
#pragma once

#include "support/catch.hpp"
#include "support/twins.hpp"

#include <chg/verify/verify.hpp>

#include <tuple>

namespace chg::tests {

template <class Scalar>
Matrix<Scalar> joined(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
  Matrix<Scalar> ab(a.rows(), 2 * a.cols());
  ab << a, b;
  return ab;
}

/// Operation: forward(ab, n, width, h) and backward(ab, n, width, dh) as the library has them, and twin(a, b).
template <class Operation>
struct GatedUnit {
  template <class Scalar>
  static Matrix<Scalar> forward(Matrix<Scalar> const& a, Matrix<Scalar> const& b) {
    auto const ab = joined(a, b);
    Matrix<Scalar> h(a.rows(), a.cols());
    Operation::forward(ab.data(), a.rows(), a.cols(), h.data());
    return h;
  }

  template <class Scalar>
  static std::tuple<Matrix<Scalar>, Matrix<Scalar>> backward(Matrix<Scalar> const& a, Matrix<Scalar> const& b,
                                                             Matrix<Scalar> const& dh) {
    auto ab = joined(a, b);
    Operation::backward(ab.data(), a.rows(), a.cols(), dh.data());
    return {ab.leftCols(a.cols()), ab.rightCols(a.cols())};
  }

  static void check_exact() {
    auto const twin = [](auto const& a, auto const& b) { return Operation::twin(a, b); };
    for (Index width : {1, 2, 7, 8, 9, 31, 63, 64, 65, 127, 129}) {  // around the vector width and the block of 64
      auto const a = twins::sample(3, width, 1, 3), b = twins::sample(3, width, 2);
      INFO("F = " << width);
      CHECK(twins::agree(forward(a, b), Operation::twin(a, b), 8));
      auto const point = verify::at("a", a, "b", b);
      CHECK(verify::backward_pass(twin, backward<double>, point));
      CHECK(verify::backward_pass([](auto const& l, auto const& r) { return forward(l, r); }, backward<double>, point));
    }
  }

  static void check_float() {
    auto const twin = [](auto const& a, auto const& b) { return Operation::twin(a, b); };
    Matrix<float> const a = twins::sample(3, 65, 1, 3).cast<float>(), b = twins::sample(3, 65, 2).cast<float>(),
                        dh = twins::sample(3, 65, 3).cast<float>();
    Matrix<double> const exact_a = a.cast<double>(), exact_b = b.cast<double>();
    CHECK(twins::float_bound(forward(a, b), Operation::twin(a, b), Operation::twin(exact_a, exact_b)).holds());
    auto const point = verify::at("a", exact_a, "b", exact_b);
    auto const [da, db] = backward(a, b, dh);
    auto const plain = twins::gradient<float>(twin, point, dh.cast<double>());
    auto const exact = twins::gradient<double>(twin, point, dh.cast<double>());
    CHECK(twins::float_bound(da, plain[0], exact[0]).holds());
    CHECK(twins::float_bound(db, plain[1], exact[1]).holds());
  }
};

}  // namespace chg::tests
