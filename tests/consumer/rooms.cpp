// SPDX-License-Identifier: MIT
// A user's program: the core and the other rooms, on the model that was installed with them.
#include <chg/builtin/teaching.hpp>
#include <chg/formats/load.hpp>
#include <chg/run/sha256.hpp>

#include <iostream>

int main() {
  auto const model = chg::load<chg::llama_like>(chg::builtin::teaching_directory());
  std::cout << model.layers() << " layers of " << model.heads() << " heads, " << chg::run::sha256("abc") << '\n';
}
