#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzzes readers of files for long, one after the other at low priority, and counts executions over all its runs.
#   bash tests/fuzz/nightly.sh FOLDER BUDGET [TARGET...]
# BUDGET is for each target: seconds (3600), or executions (40000000x), of which those that FOLDER counts already are done.
# Without TARGET: safetensors, gguf, tokenizer_json, npy, data, run_json, checkpoint. FOLDER keeps corpus/TARGET, where the next run
# begins, crashes/TARGET-*, logs/TARGET and executions, a line "TARGET COUNT SECONDS" for every run. The programs are those of
# build/fuzz (CHG_FUZZ_PROGRAMS for another place), which `bash .ci/fuzz` or the preset fuzz builds.
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
mkdir -p "$folder/crashes" "$folder/logs"
touch "$folder/executions"
# Short stacks of allocations and a small quarantine cost little that matters here, and double the speed.
export ASAN_OPTIONS=malloc_context_size=2:quarantine_size_mb=16:detect_stack_use_after_return=0:${ASAN_OPTIONS:-}
symbolizer=$(command -v llvm-symbolizer-16 || true)
[ -z "$symbolizer" ] || export ASAN_SYMBOLIZER_PATH=$symbolizer

counted() { awk -v target="$1" '$1 == target { count += $2 } END { printf "%d", count }' "$folder/executions"; }

# Stopped by a signal, the program still writes what it counted.
running=
stopped=
trap 'stopped=1; [ -z "$running" ] || kill -INT "$running" 2>/dev/null || true' INT TERM HUP

failed=()
for target in "${targets[@]}"; do
  program=$programs/chg_fuzz_$target corpus=$folder/corpus/$target log=$folder/logs/$target
  [ -x "$program" ] || die "$program. Expected a program, got none."
  if [[ $budget == *x ]]; then
    runs=$(( ${budget%x} - $(counted "$target") ))
    [ "$runs" -gt 0 ] || continue
    limit=-runs=$runs
  else
    limit=-max_total_time=$budget
  fi
  mkdir -p "$corpus"
  # A corpus of many files that reach nothing new is slow to read.
  if [ "$(find "$corpus" -type f | wc -l)" -gt 4000 ]; then
    rm -rf "$corpus.small" && mkdir "$corpus.small"
    if nice -n 19 "$program" -merge=1 "$corpus.small" "$corpus" >"$log.merge" 2>&1; then
      rm -rf "$corpus" && mv "$corpus.small" "$corpus"
    fi
  fi
  "$program" --write-seeds "$corpus"
  start=$(date +%s)
  dictionary=()
  [ ! -f "$programs/$target.dict" ] || dictionary=("-dict=$programs/$target.dict")
  nice -n 19 "$program" ${dictionary[@]+"${dictionary[@]}"} "$corpus" -artifact_prefix="$folder/crashes/$target-" "$limit" \
    -entropic=0 -max_len=8192 -rss_limit_mb=2048 -malloc_limit_mb=256 -timeout=10 -print_final_stats=1 -verbosity=1 \
    >"$log" 2>&1 &
  running=$!
  status=0
  wait "$running" || status=$?
  [ -z "$stopped" ] || wait "$running" || true  # the first wait ended with the signal
  running=
  count=$(sed -n 's/^stat::number_of_executed_units: *//p; s/^#\([0-9]*\)[\t ].*/\1/p' "$log" | tail -n 1)
  printf '%s %d %d\n' "$target" "${count:-0}" "$(( $(date +%s) - start ))" >>"$folder/executions"
  printf '%-16s %12d executions, %12d in all\n' "$target" "${count:-0}" "$(counted "$target")"
  [ -z "$stopped" ] || exit 1
  [ "$status" = 0 ] || failed+=("$target")
done
[ ${#failed[@]} = 0 ] || die "${failed[*]}. Expected no crash, got the files in $folder/crashes; the logs are in $folder/logs."
