// expects: chg::verify: a function under test must return a number, a matrix, or a tuple or list of those
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  chg::Matrix<double> const x = chg::Matrix<double>::Ones(2, 2);
  chg::verify::against_duals([](auto const& m) { return m.sum(); }, [](auto const&) { return nullptr; }, x);
}
