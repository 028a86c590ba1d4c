// SPDX-License-Identifier: MIT
// The program chg: causal head gating at a prompt. Its file is build/release/examples/chg, its target chg_program.
//
//     cmake --build build/release --target chg_program && build/release/examples/chg --help
#include "chg_families.hpp"

#include <chg/cli/program.hpp>

extern template chg::cli::BuiltinModel<float> chg::cli::make_builtin<float>(std::string_view);
extern template chg::cli::BuiltinModel<double> chg::cli::make_builtin<double>(std::string_view);

int main(int argc, char** argv) { return chg::cli::run_program(argc, argv); }
