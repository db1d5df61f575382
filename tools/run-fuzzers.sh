#!/bin/sh
# Runs each parser's fuzzer for FUZZ_SECONDS (30), or for FUZZ_RUNS inputs where that is set, from its seeds, the
# project's fixtures and what earlier runs found.
set -eu
cd "$(dirname "$0")/.."
if [ -n "${FUZZ_RUNS:-}" ]; then
  limit=-runs=$FUZZ_RUNS
else
  limit=-max_total_time=${FUZZ_SECONDS:-30}
fi
# Looking for uses of a stack after return takes seven tenths of the time wherever exceptions are thrown, and parsers
# return no addresses of theirs.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_stack_use_after_return=0"
names=${FUZZ_ONLY:-$(basename -a -s .cpp tests/fuzz/*_fuzz.cpp)}
cmake --preset fuzz >/dev/null
# shellcheck disable=SC2086
cmake --build build/fuzz -j "$(nproc)" --target $names
for name in $names; do
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  seeds=$(cat build/fuzz/tests/fuzz/"$name".seeds)
  echo "$name: $limit"
  log=build/fuzz/$name.log
  # shellcheck disable=SC2086
  if ! build/fuzz/tests/fuzz/"$name" "$limit" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" $seeds >"$log" 2>&1; then
    tail -40 "$log" >&2
    echo "error: $name found a defect; the input is build/fuzz/$name-*" >&2
    exit 1
  fi
  grep number_of_executed_units "$log"
done
