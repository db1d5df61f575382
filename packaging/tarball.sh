#!/bin/sh
# Makes the archive that runs on any Linux of this processor: programs, the libraries they need down to the C library,
# the licences of all of them, and a list of what is in it (SPDX). The same build folder gives the same bytes.
#   packaging/tarball.sh BUILD_FOLDER DIST_FOLDER
set -eu
export LC_ALL=C
umask 022
cd "$(dirname "$0")/.."
build=$1 dist=$2
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
machine=$(uname -m)
name=san-$version-linux-$machine
work=$build/tarball
rm -rf "$work"
mkdir -p "$work/absent" "$dist"
tree=$work/$name

DESTDIR=$(realpath -m "$work/installed") cmake --install "$build" --component program --strip >/dev/null
mkdir "$tree"
mv "$work/installed/usr"/* "$tree/"
# The library is for programs that use the system's C library: it comes in the packages. Here san-serve alone needs it.
# Beside san in the archive, and that in one block, so that the model that three programs hold is packed once.
mkdir "$tree/libexec"
for library in "$tree"/lib/*/libsan.so.? "$tree"/lib/libsan.so.?; do
  [ ! -e "$library" ] || install -m 644 "$(realpath "$library")" "$work/$(basename "$library")"
done
rm -f "$tree"/lib/*/libsan.so* "$tree"/lib/libsan.so*
rm -rf "$tree/lib/systemd"

# Programs move to libexec; in their place stands what starts them with the archive's own loader.
cc -O2 -Wall -Wextra -Werror -static -s -ffile-prefix-map="$PWD=." packaging/launcher.c -o "$work/launcher"
mkdir -p "$tree/lib/bundled"
is_program() { [ "$(head -c 4 "$1" | od -An -c | tr -d ' ')" = '177ELF' ]; }
find "$tree/bin" "$tree/lib" -type f | sort | while read -r file; do
  is_program "$file" || continue
  mv "$file" "$tree/libexec/"
  install -m 755 "$work/launcher" "$file"
done

for library in "$work"/libsan.so.?; do
  mv "$library" "$tree/libexec/"
  ln -s "../../libexec/$(basename "$library")" "$tree/lib/bundled/"
done

# Libraries that others name and nothing here calls, and that would bring a hundred more.
absent() { "$1" -O2 -Wall -Wextra -Werror -shared -fPIC -s -fvisibility=hidden -ffile-prefix-map="$PWD=." -Wl,-soname,"$3" "$2" -o "$work/absent/$3"; }
absent c++ packaging/absent_gdal.cpp libgdal.so.32
absent cc packaging/absent_icu.c libicuuc.so.72
for program in "$tree"/libexec/*; do
  LD_LIBRARY_PATH=$work/absent:$tree/lib/bundled ldd "$program" >"$work/ldd" || { echo "error: ldd $program" >&2; exit 1; }
  ! grep "not found" "$work/ldd" >&2 || { echo "error: $program lacks libraries" >&2; exit 1; }
  awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }' "$work/ldd"
done | sort -u >"$work/libraries"
while read -r library; do
  case "$library" in
    "$tree"/*) ;;
    */ld-linux*) install -m 755 "$(realpath "$library")" "$tree/bin/san-loader" ;;
    *) install -m 644 "$(realpath "$library")" "$tree/lib/bundled/$(basename "$library")" ;;
  esac
done <"$work/libraries"
[ -x "$tree/bin/san-loader" ] || { echo "error: no loader found" >&2; exit 1; }

cp LICENSE NOTICE CHANGELOG.md "$tree/"
cp packaging/archive-readme.txt "$tree/README"
grep -v "^$work/" "$work/libraries" >"$work/debian-libraries"
python3 packaging/sbom.py --version "$version" --commit "$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
  --tree "$tree" --libraries "$work/debian-libraries"

archive=$dist/$name.tar.xz
tar --create --directory "$work" --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
  --mtime="@$SOURCE_DATE_EPOCH" --mode=u+rw,go-w,a+rX "$name" | xz --threads=1 ${SAN_XZ:---x86 --lzma2=preset=9} >"$archive.part"
mv "$archive.part" "$archive"
cp "$tree/sbom.spdx.json" "$dist/$name.spdx.json"
(cd "$dist" && sha256sum "$name.tar.xz" "$name.spdx.json" >"$name.sha256")
bytes=$(stat -c %s "$archive")
echo "$archive: $bytes bytes, $(wc -l <"$work/libraries") libraries"
[ "$bytes" -le 60000000 ] || { echo "error: $archive is larger than 60 MB" >&2; exit 1; }
