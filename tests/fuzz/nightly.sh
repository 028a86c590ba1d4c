#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzzes readers of files for long, one after the other at low priority, and counts executions over all its runs.
#   bash tests/fuzz/nightly.sh FOLDER BUDGET [TARGET...]
# BUDGET is for each target: seconds (3600) of libFuzzer, or executions (40000000x), of which those that FOLDER counts already are done.
# Of executions, libFuzzer makes those of the first two minutes (CHG_FUZZ_GROW, in seconds), in which it finds what reaches new code, and
# the sweep (sweep.cpp) all others, from what it found.
# Without TARGET: safetensors, gguf, tokenizer_json, npy, data, run_json, checkpoint. FOLDER keeps corpus/TARGET, where the next run
# begins, crashes/TARGET-*, logs/TARGET and logs/TARGET.sweep, seen/TARGET, by which no sweep counts an input twice, and executions, a
# line "TARGET COUNT SECONDS guided" or "... sweep" for every run. The programs are those of build/fuzz (CHG_FUZZ_PROGRAMS for another
# place), which the preset fuzz builds.
set -euo pipefail

die() { printf 'nightly: error: %s\n' "$*" >&2; exit 1; }
[ $# -ge 2 ] || die "FOLDER BUDGET [TARGET...]. Expected two words or more, got $#."
[[ $2 =~ ^[1-9][0-9]*x?$ ]] || die "BUDGET. Expected seconds, or executions as 1000000x, got $2."
mkdir -p "$1"
folder=$(cd "$1" && pwd) budget=$2
shift 2
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
programs=${CHG_FUZZ_PROGRAMS:-build/fuzz/tests/fuzz}
targets=("$@")
if [ ${#targets[@]} = 0 ]; then
  for target in safetensors gguf tokenizer_json npy data run_json checkpoint; do
    [ ! -x "$programs/chg_fuzz_$target" ] || targets+=("$target")
  done
fi
[ ${#targets[@]} -gt 0 ] || die "no target in $programs. Build them: cmake --preset fuzz && cmake --build --preset fuzz."
mkdir -p "$folder/crashes" "$folder/logs" "$folder/seen"
touch "$folder/executions"
grow=${CHG_FUZZ_GROW:-120}
[[ $grow =~ ^[1-9][0-9]*$ ]] || die "CHG_FUZZ_GROW. Expected seconds, got $grow."
# Short stacks of allocations and a small quarantine cost little that matters here, and double the speed. The sweep has its own.
guided_options=malloc_context_size=2:quarantine_size_mb=16:detect_stack_use_after_return=0:${ASAN_OPTIONS:-}
symbolizer=$(command -v llvm-symbolizer-16 || true)
[ -z "$symbolizer" ] || export ASAN_SYMBOLIZER_PATH=$symbolizer

counted() { awk -v target="$1" '$1 == target { count += $2 } END { printf "%d", count }' "$folder/executions"; }

# Stopped by a signal, the program still writes what it counted.
running=
stopped=
trap 'stopped=1; [ -z "$running" ] || kill -INT "$running" 2>/dev/null || true' INT TERM HUP

failed=()
# count KIND TARGET LOG COMMAND...: runs the command at low priority and adds what it executed to the file; 1 where it failed.
count() {
  local kind=$1 target=$2 log=$3 start status=0 count
  shift 3
  start=$(date +%s)
  nice -n 19 "$@" >"$log" 2>&1 &
  running=$!
  wait "$running" || status=$?
  [ -z "$stopped" ] || wait "$running" || true  # the first wait ended with the signal
  running=
  count=$(sed -n 's/^stat::number_of_executed_units: *//p; s/^#\([0-9]*\)[\t ].*/\1/p' "$log" | tail -n 1)
  printf '%s %d %d %s\n' "$target" "${count:-0}" "$(( $(date +%s) - start ))" "$kind" >>"$folder/executions"
  printf '%-16s %12d executions, %s, %12d in all\n' "$target" "${count:-0}" "$kind" "$(counted "$target")"
  [ -z "$stopped" ] || exit 1
  [ "$status" = 0 ]
}

# remaining TARGET: of a budget of executions.
remaining() { echo $(( ${budget%x} - $(counted "$1") )); }

for target in "${targets[@]}"; do
  program=$programs/chg_fuzz_$target sweep=$programs/chg_sweep_$target corpus=$folder/corpus/$target log=$folder/logs/$target
  [ -x "$program" ] || die "$program. Expected a program, got none."
  limits=("-max_total_time=$budget")
  if [[ $budget == *x ]]; then
    runs=$(remaining "$target")
    [ "$runs" -gt 0 ] || continue
    limits=("-runs=$runs" "-max_total_time=$grow")
    [ -x "$sweep" ] || limits=("-runs=$runs")
  fi
  mkdir -p "$corpus"
  # A corpus of many files that reach nothing new is slow to read.
  if [ "$(find "$corpus" -type f | wc -l)" -gt 4000 ]; then
    rm -rf "$corpus.small" && mkdir "$corpus.small"
    if ASAN_OPTIONS=$guided_options nice -n 19 "$program" -merge=1 "$corpus.small" "$corpus" >"$log.merge" 2>&1; then
      rm -rf "$corpus" && mv "$corpus.small" "$corpus"
    fi
  fi
  "$program" --write-seeds "$corpus"
  dictionary=()
  [ ! -f "$programs/$target.dict" ] || dictionary=("-dict=$programs/$target.dict")
  if ! count guided "$target" "$log" env ASAN_OPTIONS="$guided_options" "$program" ${dictionary[@]+"${dictionary[@]}"} "$corpus" \
    -artifact_prefix="$folder/crashes/$target-" "${limits[@]}" -entropic=0 -max_len=8192 -rss_limit_mb=2048 -malloc_limit_mb=256 \
    -timeout=10 -print_final_stats=1 -verbosity=1; then
    failed+=("$target")
    continue
  fi
  [[ $budget == *x ]] && [ -x "$sweep" ] || continue
  runs=$(remaining "$target")
  [ "$runs" -gt 0 ] || continue
  # What was counted before is the seed: no two sweeps of a folder have the same.
  count sweep "$target" "$log.sweep" "$sweep" "$corpus" -artifact_prefix="$folder/crashes/$target-" -runs="$runs" \
    -seen="$folder/seen/$target" -seed="$(counted "$target")" || failed+=("$target")
done
[ ${#failed[@]} = 0 ] || die "${failed[*]}. Expected no crash, got the files in $folder/crashes; the logs are in $folder/logs."
