#!/bin/sh
# Installs the wheel without a network for the oldest and the newest Python that Debian has, and uses it there: `make check-wheel`.
#   packaging/check-wheel.sh DIST_FOLDER
set -eu
cd "$(dirname "$0")/.."
dist=$(realpath "$1")
. packaging/bare-system.sh
wheel=$(ls "$dist"/san_cpp-*.whl)
archive=$(ls "$dist"/san-*-linux-*.tar.xz)
need_debootstrap

# python_of RELEASE: Debian 12 with that release's Python, numpy and Pillow. No wheel of Debian 12's libraries runs on the
# C library of an older Debian; its Python runs on this one.
python_of() {
  bare_system bookworm
  for release in bookworm "$1"; do echo "deb $(mirror) $release main"; done >"$root/etc/apt/sources.list"
  printf 'Package: python* libpython*\nPin: release n=%s\nPin-Priority: 990\n' "$1" >"$root/etc/apt/preferences.d/python"
  inside apt-get update -qq
  inside apt-get install -y -qq --no-install-recommends python3 python3-numpy python3-pil python3-venv >/dev/null || fail "Python of $1"
}

# uses_wheel: the package's own tests, against the program's files too; what is shown first; the examples.
uses_wheel() {
  python=$(inside python3 --version)
  mkdir -p "$root/opt" "$root/src"
  tar -xJf "$archive" -C "$root/opt"
  program=$(ls -d "$root"/opt/san-*)/bin/san
  program=${program#"$root"}
  cp -r tests examples include "$root/src/"
  cp "$wheel" "$root/tmp/"
  inside python3 -m venv --system-site-packages /env
  # There is no compiler, and pip has no network.
  inside /env/bin/pip install --quiet --no-index --disable-pip-version-check "/tmp/$(basename "$wheel")" || fail "$python: pip install"
  passed "$python: pip install --no-index"
  copy_pictures
  inside "$program" segment /pictures/cat.jpg -q --no-cache --classes 'cat, sofa|couch, wall, grass' --save labels -o /labels >/dev/null
  inside /env/bin/python -c '
import numpy, san
from PIL import Image
result = san.load("default").segment("/pictures/cat.jpg", ["cat", "sofa|couch", "wall", "grass"])
with open("/labels/cat.labels.png", "rb") as file:
    assert result.labels_png() == file.read()
assert numpy.array_equal(result.labels, numpy.asarray(Image.open("/labels/cat.labels.png")))
' || fail "$python: other labels than the program's"
  passed "$python: labels equal the program's file, byte for byte"
  inside env SAN_PROGRAM="$program" /env/bin/python /src/tests/python/run.py installed >"$root/tmp/said" 2>&1 ||
    { tail -n 40 "$root/tmp/said"; fail "$python: tests of the package"; }
  passed "$python: $(grep -o 'Ran [0-9]* tests' "$root/tmp/said")$(grep -o ' (skipped=[0-9]*)' "$root/tmp/said")"
  inside sh -ec 'cd /tmp && /env/bin/python /src/examples/python/one_picture.py /pictures/cat.jpg cat wall
    /env/bin/python /src/examples/python/predictor.py /pictures/cat.jpg
    /env/bin/python /src/examples/python/data_loader.py /pictures --batch 2' >/dev/null || fail "$python: the examples"
  passed "$python: the examples"
}

python_of bullseye
uses_wheel
leave_system
bare_system trixie
echo "deb $(mirror) trixie main" >"$root/etc/apt/sources.list"
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends python3-numpy python3-pil python3-venv >/dev/null || fail "Python of trixie"
uses_wheel
echo "all checks of the wheel passed"
