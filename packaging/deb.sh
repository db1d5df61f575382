#!/bin/sh
# Makes the Debian packages of what is built. The same build folder gives the same bytes.
#   packaging/deb.sh BUILD_FOLDER DIST_FOLDER
set -eu
umask 022
cd "$(dirname "$0")/.."
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
mkdir -p "$2"
rm -f "$2"/*.deb
cpack --config "$1/CPackConfig.cmake" -G DEB -B "$(realpath "$2")"
rm -rf "$2/_CPack_Packages"
for package in "$2"/*.deb; do
  dpkg-deb -f "$package" Package Version Installed-Size Depends
done
