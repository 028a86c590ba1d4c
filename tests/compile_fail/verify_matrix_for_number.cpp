// expects: chg::verify: f must return one number of the type of its inputs
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  chg::Matrix<double> const x = chg::Matrix<double>::Ones(2, 2);
  auto const f = [](auto const& m) -> std::decay_t<decltype(m)> { return 2 * m; };
  chg::verify::against_duals(f, x, x);
}
