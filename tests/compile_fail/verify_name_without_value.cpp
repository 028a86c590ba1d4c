// expects: chg::verify::at: names and values come in pairs
// SPDX-License-Identifier: MIT
#include <chg/verify/verify.hpp>

int main() { chg::verify::at("a", 1.0, "b"); }
