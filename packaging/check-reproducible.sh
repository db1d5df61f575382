#!/bin/sh
# Builds packages, archive and wheel once more, in another folder and without the compiler's cache: the same bytes come out, and
# nothing in them names the folder. $SAN_WITH_CCACHE makes it quicker and proves less: that nothing but the compiler differs.
#   packaging/check-reproducible.sh DIST_FOLDER
set -eu
cd "$(dirname "$0")/.."
first=$1 again=build/package-again
[ -n "${SAN_WITH_CCACHE:-}" ] || export CCACHE_DISABLE=1
rm -rf "$again/dist"
[ -n "${SAN_WITH_CCACHE:-}" ] || rm -rf "$again"
packaging/build.sh "$again" >/dev/null
packaging/deb.sh "$again" "$again/dist" >/dev/null
packaging/tarball.sh "$again" "$again/dist" >/dev/null
packaging/wheel.sh "$again" "$again/dist" >/dev/null
failed=0
for file in "$again"/dist/*; do
  name=$(basename "$file")
  if cmp "$first/$name" "$file"; then echo "ok: the same bytes: $name"; else failed=1; fi
done
unpacked=$again/unpacked
rm -rf "$unpacked"
mkdir "$unpacked"
for package in "$again"/dist/*.deb; do dpkg-deb -x "$package" "$unpacked"; done
tar -xJf "$again"/dist/*.tar.xz -C "$unpacked"
python3 -m zipfile -e "$again"/dist/*.whl "$unpacked"
if grep -rlF "$PWD" "$unpacked"; then
  echo "error: these files hold the folder that they were built in" >&2
  failed=1
else
  echo "ok: no file holds the folder that it was built in"
fi
rm -rf "$unpacked"
exit $failed
