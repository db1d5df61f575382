#!/bin/bash
# Builds the training program against Python's torch, on a machine with a GPU that has little else.
#   tools/build-cuda.sh BUILD_FOLDER [DEPENDENCIES]     DEPENDENCIES: made by tools/pack-train-deps.sh
set -euo pipefail
build=${1:?usage: tools/build-cuda.sh BUILD_FOLDER [DEPENDENCIES]}
dependencies=${2:-/usr}
source=$(cd "$(dirname "$0")/.." && pwd)
dependencies=$(cd "$dependencies" && pwd)
torch=${SAN_TORCH_ROOT:-$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))')}
cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DSAN_TRAIN_ONLY=ON -DSAN_BUILD_TESTS=OFF \
  -DSAN_TORCH_ONEDNN=OFF -DSAN_TORCH_ROOT="$torch" -DCMAKE_PREFIX_PATH="$dependencies" -DZLIB_ROOT="$dependencies" \
  -DCMAKE_LIBRARY_ARCHITECTURE=x86_64-linux-gnu -DCMAKE_BUILD_RPATH="$dependencies/lib/x86_64-linux-gnu"
cmake --build "$build" --target san-train
