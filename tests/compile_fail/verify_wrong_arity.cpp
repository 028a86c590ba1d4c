// expects: chg::verify: f cannot be called with matrices of Dual<double>
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() {
  auto const f = [](auto const& a) { return a.sum(); };
  chg::verify::against_duals(f, std::tuple(1.0, 1.0), chg::verify::at("a", 1.0, "b", 2.0));
}
