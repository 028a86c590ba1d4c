#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds everything and runs all tests.
#   bash cmake/test.sh [--yes] [--rooms | --short | --core] [PRESET] [-D NAME=VALUE]...
# --yes: use sudo without asking. --rooms: the tests of the rooms alone; --short: of these, not the long fits of the room builtin;
# --core: of the rooms tensor, ops, model and gate alone.
# PRESET: release (default), debug, sanitize, clang, blas or eigen, of CMakePresets.json.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

targets=all
labels=
preset=release
definitions=()
while [ $# -gt 0 ]; do
  case $1 in
    --yes) yes=1 ;;
    --rooms) targets=chg_tests labels=room ;;
    --short) targets=chg_short_tests labels=short ;;
    --core) targets=chg_core_tests labels=core ;;
    --help) sed -n '3,7s/^# *//p' "${BASH_SOURCE[0]}"; exit ;;
    -D) [ $# -ge 2 ] || die "-D. Expected NAME=VALUE, got nothing."; definitions+=(-D "$2"); shift ;;
    -*) die "option $1. Expected --yes, --rooms, --short, --core, --help or -D NAME=VALUE." ;;
    *) preset=$1 ;;
  esac
  shift
done

need "${build_packages[@]}" "${test_packages[@]}"
if [ "$preset" = clang ]; then need clang-16 libomp-16-dev; fi

cd "$root"
say "configuring in build/$preset"
cmake --preset "$preset" ${definitions[@]+"${definitions[@]}"}
say "building"
cmake --build --preset "$preset" --target $targets --parallel "$(jobs)"
say "testing"
ctest --preset "$preset" ${labels:+--label-regex "^$labels\$"} --parallel "$(jobs)"
grep '^better: ' "build/$preset/Testing/Temporary/LastTest.log" || true # costs for which tests/regression/table.txt has more
[ -n "${CHG_TEST_DATA:-}" ] || say "without CHG_TEST_DATA: tests on published checkpoints and data did not run; set it to the folder that holds them"
say "done"
