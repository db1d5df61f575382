#!/bin/sh
# Unpacks the archive on bare systems older and newer than the one it was built on, and uses it there: `make check-tarball`.
#   packaging/check-tarball.sh BUILD_FOLDER DIST_FOLDER
set -eu
cd "$(dirname "$0")/.."
build=$1 dist=$(realpath "$2")
. packaging/bare-system.sh
archive=$(ls "$dist"/san-*-linux-*.tar.xz)
(cd "$dist" && sha256sum --quiet --check ./*.sha256) || fail "SHA-256"
passed "SHA-256 of $(basename "$archive")"
python3 packaging/check_sbom.py "$archive"
need_debootstrap
# What the system has must not be needed: C libraries older and newer than the archive's own.
for release in bullseye trixie; do
  bare_system "$release"
  copy_pictures
  mkdir -p "$root/opt" "$root/somewhere else"
  tar -xJf "$archive" -C "$root/opt"
  [ -z "$(find "$root/opt" ! -uid "$(id -u)" -o -perm /022 ! -type l)" ] || fail "$release: owners or permissions"
  inside "/opt/$(ls "$root/opt")/bin/san" --version
  segments_as_here "archive on $release ($(inside ldd --version | sed -n '1s/.* //p'))" "/opt/$(ls "$root/opt")/bin/san"
  knows_companions "archive on $release" "/opt/$(ls "$root/opt")/bin/san"
  serves "archive on $release" "/opt/$(ls "$root/opt")/bin/san"
  # Moved, and called through a link.
  mv "$root/opt"/san-* "$root/somewhere else/san"
  ln -s "/somewhere else/san/bin/san" "$root/usr/local/bin/san"
  inside san segment /pictures/rgb.webp -q --no-cache --classes 'cat, wall' -o /moved >/dev/null || fail "$release: moved, by a link"
  inside sh -c 'cd /tmp && san world render --output scenes --pictures configs/world/pack.pictures --count 1 --size 64' >/dev/null ||
    fail "$release: san world render"
  inside sh -c 'cd /tmp && echo damaged >bad.jpg && LD_PRELOAD=/none.so san segment /pictures/cat.jpg bad.jpg -q --classes "cat, wall" -o /bad 2>said; [ $? -eq 1 ] && grep -q bad.jpg said' ||
    fail "$release: the exit code where a picture is damaged"
  passed "$release: moved, called by a link; san world render"
  leave_system
done
echo "all checks of the archive passed"
