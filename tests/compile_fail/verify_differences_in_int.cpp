// expects: chg::verify::against_differences: the scalar must be float or double
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  chg::Matrix<double> const x = chg::Matrix<double>::Ones(2, 2);
  chg::verify::against_differences<int>([](auto const& m) { return double(m.sum()); }, x, x);
}
