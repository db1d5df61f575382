#!/bin/sh
# Runs each parser's fuzzer for FUZZ_SECONDS (30), from the project's fixtures and what earlier runs found.
set -eu
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-30}
names=$(basename -a -s .cpp tests/fuzz/*_fuzz.cpp)
cmake --preset fuzz >/dev/null
# shellcheck disable=SC2086
cmake --build build/fuzz -j "$(nproc)" --target $names
for name in $names; do
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  case $name in
    bpe_fuzz) seeds=tests/data/text ;;
    mat_file_fuzz) seeds=tests/data/eval ;;
    image_header_fuzz | common_formats_fuzz | opencv_codecs_fuzz) seeds=tests/data/image ;;
    *) seeds=tests/data/checkpoint ;;
  esac
  echo "$name: $seconds s"
  log=build/fuzz/$name.log
  if ! build/fuzz/tests/fuzz/"$name" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$name-" "$corpus" "$seeds" >"$log" 2>&1; then
    tail -40 "$log" >&2
    echo "error: $name found a defect; the input is build/fuzz/$name-*" >&2
    exit 1
  fi
  grep number_of_executed_units "$log"
done
