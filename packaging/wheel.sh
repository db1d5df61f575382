#!/bin/sh
# Makes the Python package of what is built. The same build folder gives the same bytes.
#   packaging/wheel.sh BUILD_FOLDER DIST_FOLDER
set -eu
cd "$(dirname "$0")/.."
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
cmake --build "$1" -j "${JOBS:-2}" --target wheel >/dev/null
mkdir -p "$2"
rm -f "$2"/*.whl
cp "$1"/wheel/*.whl "$2/"
ls "$2"/*.whl
