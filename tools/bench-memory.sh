#!/bin/sh
# Peak resident memory of `san segment`: ViT-B/16, a 640 × 864 network input, 847 classes, text cached.
#   tools/bench-memory.sh [PROGRAM] [MODEL]
set -eu
cd "$(dirname "$0")/.."
program=${1:-build/release/apps/san}
model=${2:-formula:vit-b-16}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
segment() {
  SAN_CACHE_DIR=$folder/cache "$program" segment tests/data/photos/coffee.jpg --model "$model" --label-set ade20k-847 \
    --templates single --save labels --output "$folder" >/dev/null 2>"$folder/messages" &
  peak=0
  while state=$(grep VmHWM "/proc/$!/status" 2>/dev/null); do
    peak=$(echo "$state" | tr -dc 0-9)
    sleep 0.02
  done
  wait $! || { cat "$folder/messages" >&2; exit 1; }
}
segment
segment
echo "peak resident memory: $((peak / 1000)) MB"
