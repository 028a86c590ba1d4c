// expects: chg::verify: forward cannot be called with one matrix an input
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  auto const forward = [](auto const& a) -> chg::Matrix<double> { return a; };
  chg::verify::contract(forward, forward, chg::verify::at("a", 1.0, "b", 2.0));
}
