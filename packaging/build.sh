#!/bin/sh
# Builds what packages are made of.
#   packaging/build.sh BUILD_FOLDER
set -eu
cd "$(dirname "$0")/.."
cmake --preset package -B "$1" >/dev/null
cmake --build "$1" -j "${JOBS:-2}"
