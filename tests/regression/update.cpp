// SPDX-License-Identifier: MIT
// What instructions_test.cpp runs under valgrind: an update to warm up, and one that is counted.
#include "regression/fit_of_tiny_model.hpp"

#include <iostream>

extern "C" [[gnu::noinline]] double chg_counted_update(chg::tests::FitOfTinyModel& fit) { return fit.update(); }

int main() {
  chg::tests::FitOfTinyModel fit;
  fit.update();
  std::cout << chg_counted_update(fit) << '\n';
}
