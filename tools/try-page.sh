#!/bin/sh
# Puts the page docs/try together with what it loads: ONNX Runtime for browsers, the tokenizer, an exported model.
#   tools/try-page.sh FOLDER [BUILD [MODEL]]     BUILD: build/release; MODEL: default
# What comes from npm is taken from BUILD/node (`cmake --build BUILD --target node_packages`). The folder can be put on
# any web server as it is.
set -eu
if [ $# -lt 1 ]; then
  sed -n '2,5s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$1 build=${2:-$source/build/release} model=${3:-default}
packages=${SAN_ONNXRUNTIME_DIR:-$build/node}/node_modules
for package in onnxruntime-web @huggingface/tokenizers; do
  if [ ! -d "$packages/$package" ]; then
    echo "error: $packages/$package is missing; cmake --build $build --target node_packages fetches it" >&2
    exit 2
  fi
done
mkdir -p "$folder/ort" "$folder/model"
cp "$source/docs/try/index.html" "$source/docs/try/try.mjs" "$source/examples/onnx/segmenter.mjs" "$folder"
for file in ort.wasm.min.mjs ort-wasm-simd-threaded.mjs ort-wasm-simd-threaded.wasm; do
  cp "$packages/onnxruntime-web/dist/$file" "$folder/ort"
done
cp "$packages/@huggingface/tokenizers/dist/tokenizers.min.mjs" "$folder"
"$build/apps/san" export --onnx "$folder/model" --model "$model" --segmenter --precision fp16 --quiet >/dev/null
rm "$folder/model/image.onnx"  # the segmenter holds it
du -sh "$folder"
