#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds the program chg, and says where it is.
#   bash cmake/program.sh [--yes] [-D NAME=VALUE]...
# --yes: use sudo without asking.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

definitions=()
while [ $# -gt 0 ]; do
  case $1 in
    --yes) yes=1 ;;
    --help) sed -n '3,5s/^# *//p' "${BASH_SOURCE[0]}"; exit ;;
    -D) [ $# -ge 2 ] || die "-D. Expected NAME=VALUE, got nothing."; definitions+=(-D "$2"); shift ;;
    *) die "option $1. Expected --yes, --help or -D NAME=VALUE." ;;
  esac
  shift
done

need "${build_packages[@]}" "${program_packages[@]}"
say "configuring in build/release"
mkdir -p "$root/build"
configure_log=$root/build/configure.log
(cd "$root" && cmake --preset release -D CHG_BUILD_TESTS=OFF -D CHG_BUILD_BENCH=OFF ${definitions[@]+"${definitions[@]}"}) >"$configure_log" 2>&1 ||
  { cat "$configure_log"; die "the configuration failed."; }
say "building the program, some minutes"
cmake --build "$root/build/release" --target chg_program --parallel "$(jobs)"
say "done: $root/build/release/examples/chg"
