#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Whether a sweep finds faults of every kind, keeps the input, and makes that input again from its
# number.
#   bash tests/fuzz/sweep_test.sh PROGRAM       PROGRAM: chg_sweep_faulty
set -euo pipefail

program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/corpus"
bad=0
fail() { printf 'sweep_test: error: %s\n' "$*" >&2; bad=1; }
log() { tail -n 8 "$folder/log"; }

# sweep FAULT WORD...: its output in $folder/log.
sweep() {
  local fault=$1
  shift
  { FAULT=$fault "$program" "$folder/corpus" -artifact_prefix="$folder/kept-" "$@"; } \
    >"$folder/log" 2>&1
}

# What a fault is called in the output.
while IFS=: read -r fault words; do
  if sweep "$fault" -runs=60000; then fail "$fault: expected a failure, got none."; fi
  grep -q "$words" "$folder/log" || fail "$fault: expected \"$words\", got: $(log)"
  kept=$(compgen -G "$folder/kept-*") || kept=
  if [ "$fault" = "leak of malloc" ]; then
    [ -z "$kept" ] || fail "$fault: a leak is found later, and no input is kept. Got $kept."
  elif [ -z "$kept" ]; then
    fail "$fault: expected its input in a file, got none."
  elif ! FAULT=none "$program" "$folder/corpus" -show="${kept##*-}" | cmp -s - "$kept"; then
    fail "$fault: input ${kept##*-} made again is not the one that was kept."
  fi
  rm -f "$folder"/kept-*
done <<'EOF'
past the input:heap-buffer-overflow
past an object:use-after-poison
before an object:use-after-poison
past malloc:heap-buffer-overflow
after delete:use-after-poison
after free:heap-use-after-free
delete twice:deleted twice
delete of an array:delete of what new\[\] made
overflow:signed integer overflow
require:aborted
exception:aborted
large object:allocation-size-too-big
stack:stack-overflow
memory:2 GB of memory
time:longer than 10 s
leak of new:keeps objects
leak of malloc:detected memory leaks
EOF

sweep none -runs=1000 -seen="$folder/seen" || fail "no fault: expected success, got: $(log)"
grep -q '^stat::number_of_executed_units: 1000$' "$folder/log" ||
  fail "expected 1000 executions, got: $(log)"
sweep none -runs=1000 -seen="$folder/seen" || fail "again: expected success, got: $(log)"
before=$(sed -n 's/^stat::seen_before: //p' "$folder/log")
[ "${before:-0}" -ge 1000 ] || fail "expected 1000 inputs that another run has read, got: $(log)"
[ "$bad" = 0 ] || exit 1
echo "sweep_test: every fault was found"
