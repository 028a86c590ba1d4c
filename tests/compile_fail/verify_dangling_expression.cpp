// expects: chg::verify: a function under test returned an unevaluated Eigen expression
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  chg::Matrix<double> const x = chg::Matrix<double>::Ones(2, 2);
  chg::verify::backward_pass([](auto const& m) { return 2 * m; }, [](auto const&, auto const& dy) -> chg::Matrix<double> { return 2 * dy; }, x);
}
