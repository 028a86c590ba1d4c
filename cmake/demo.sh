#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing, builds, and runs causal head gating on the teaching model.
#   bash cmake/demo.sh [--yes] [--out DIR] [arguments of examples/full_chg.cpp]
# --yes: use sudo without asking. --out: where the results go (default: build/demo).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

out=$root/build/demo
arguments=()
while [ $# -gt 0 ]; do
  case $1 in
    --yes) yes=1 ;;
    --out) [ $# -ge 2 ] || die "--out. Expected a directory, got nothing."; out=$2; shift ;;
    --help) sed -n '3,5s/^# *//p' "${BASH_SOURCE[0]}"; exit ;;
    *) arguments+=("$1") ;;
  esac
  shift
done

need "${build_packages[@]}"
say "configuring in build/release"
mkdir -p "$root/build"
configure_log=$root/build/configure.log
(cd "$root" && cmake --preset release -D CHG_BUILD_TESTS=OFF -D CHG_BUILD_BENCH=OFF) >"$configure_log" 2>&1 ||
  { cat "$configure_log"; die "the configuration failed."; }
say "building the main job, one to two minutes"
cmake --build "$root/build/release" --target full_chg --parallel "$(jobs)"
say "running it"
"$root/build/release/examples/full_chg" --out "$out" ${arguments[@]+"${arguments[@]}"}
