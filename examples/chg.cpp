// SPDX-License-Identifier: MIT
// The program chg: causal head gating at a prompt. Its file is build/release/examples/chg, its target chg_program.
//
//     cmake --build build/release --target chg_program && build/release/examples/chg --help
#include "chg_commands.hpp"

#include <chg/cli/program.hpp>

int main(int argc, char** argv) { return chg::cli::run_program(argc, argv); }
