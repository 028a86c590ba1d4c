// SPDX-License-Identifier: MIT
// Checks a gradient that you wrote by hand: of y = max(0, a)^2 b, first right, then with a factor forgotten.
//
//     cmake --build build/release --target verify_your_gradient && build/release/examples/verify_your_gradient
//
// prints (the last digits of round-off differ between machines)
//
//     operation             against                        compared  relative error    limit  worst at     verdict
//     squared ReLU gate     dual numbers                         30               0  1.0e-12  a(0, 0)      passed
//     squared ReLU gate     differences                          30    0 +- 1.9e-14  6.0e-08  a(1, 2)      passed
//     squared ReLU gate     dual numbers along directions         4         1.4e-16  1.0e-12  direction 0  passed
//     without its factor 2  dual numbers                         30         5.0e-01  1.0e-12  a(1, 2)      FAILED
//     1 of 4 checks did NOT pass
#include <chg/verify/verify.hpp>

#include <iostream>

using namespace chg;

int main() {
  auto const forward = [](auto const& a, auto const& b) {
    using M = std::decay_t<decltype(a)>;
    return M(a.array().max(typename M::Scalar(0)).square() * b.array());
  };
  auto const right = [](auto const& a, auto const& b, auto const& dy) {
    auto const positive = a.array().max(0.0).eval();
    return std::tuple(Matrix<double>(2 * positive * b.array() * dy.array()), Matrix<double>(positive.square() * dy.array()));
  };
  auto const wrong = [&](auto const& a, auto const& b, auto const& dy) {
    auto [da, db] = right(a, b, dy);
    da *= 0.5;  // the factor 2 of the square, forgotten
    return std::tuple(da, db);
  };

  Random random(1, Stream::user);
  auto const normal = [&] { return random.normal(); };
  Matrix<double> const a = Matrix<double>::NullaryExpr(3, 5, normal), b = Matrix<double>::NullaryExpr(3, 5, normal);
  auto const point = verify::at("a", a, "b", b);

  verify::Table table;
  table.add("squared ReLU gate", verify::backward_pass(forward, right, point));
  auto const [loss, gradient] = verify::contract(forward, right, point);
  table.add("squared ReLU gate", verify::against_differences(loss, gradient, point));
  table.add("squared ReLU gate", verify::directional(loss, gradient, point));
  table.add("without its factor 2", verify::backward_pass(forward, wrong, point));
  std::cout << table;
}
