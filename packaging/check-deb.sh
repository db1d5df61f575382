#!/bin/sh
# Installs the .deb files into a bare Debian 12 and uses them there: `make check-deb`.
#   packaging/check-deb.sh BUILD_FOLDER DIST_FOLDER
set -eu
cd "$(dirname "$0")/.."
build=$1 dist=$(realpath "$2")
. packaging/bare-system.sh
need_debootstrap
bare_system bookworm
copy_pictures
mkdir "$root/debs"
cp "$dist"/*_"$(dpkg --print-architecture)".deb "$root/debs/"
echo "deb $(mirror) bookworm main" >"$root/etc/apt/sources.list"
inside apt-get update -qq
# `apt-get install` of a file takes what it depends on from the archive: what is missing there fails here.
install() { inside apt-get install -y -qq --no-install-recommends "$@" >/dev/null || fail "install $*"; }
package() { ls "$root/debs/" | grep "^$1_" | sed 's#^#/debs/#'; }

install "$(package san)"
inside san --version
segments_as_here "package san" san
knows_companions "package san" san
serves "package san" san
[ -s "$root/usr/lib/systemd/system/san-serve.service" ] || fail "no unit of systemd"
for page in san san-segment san-world-render; do
  [ -s "$root/usr/share/man/man1/$page.1.gz" ] || [ -e "$root/etc/dpkg/dpkg.cfg.d/docker" ] || fail "no manual page $page"
done
[ -s "$root/usr/share/doc/san/copyright" ] || fail "no copyright file"
inside sh -c 'cd /tmp && san world render --output scenes --pictures configs/world/pack.pictures --count 1 --size 64' >/dev/null ||
  fail "san world render"
passed "san world render"
if inside san train --help >/dev/null 2>"$root/tmp/said"; then fail "san train without the package that has it"; fi
grep -q libtorch "$root/tmp/said" || fail "san train does not say what is missing: $(cat "$root/tmp/said")"

install fish zsh man-db
inside fish -c 'complete -C "san segment --met"' | grep -q -- --method || fail "fish completes nothing"
inside bash -c 'source /usr/share/bash-completion/completions/san; COMP_WORDS=(san seg); COMP_CWORD=1; _san; echo "${COMPREPLY[@]}"' |
  grep -qx segment || fail "bash completes nothing"
inside zsh -fc 'autoload -Uz compinit && compinit -u -d /tmp/dump && [[ ${_comps[san]} == _san ]] && autoload +X _san' ||
  fail "zsh does not find its completion"
inside sh -c 'MANWIDTH=80 man -P cat san-segment 2>&1' | grep -q "sandbox.decoders" || fail "man san-segment"
passed "manual pages; completion in bash, zsh and fish"

install "$(package libsan-dev)" build-essential cmake ninja-build pkg-config
cp -r examples "$root/tmp/examples"
inside sh -ec 'cd /tmp && cmake -G Ninja -S examples -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build' >/dev/null ||
  fail "find_package(san)"
inside /tmp/build/one_picture formula:tiny /pictures/rgb.webp | grep -q "pixels" || fail "a program on find_package(san)"
passed "find_package(san): all examples are built, one runs and reads WebP"
inside sh -ec 'cd /tmp && cc $(pkg-config --cflags san) examples/in_c.c -o in_c $(pkg-config --libs san) && ./in_c formula:tiny' |
  grep -q "the first pixel" || fail "pkg-config san"
passed "pkg-config san: a program in C"

if [ -n "$(package san-train)" ]; then
  install "$(package san-train)"
  inside san --version | grep -q "torch" || fail "san --version does not name the torch backend"
  inside san pretrain --help | grep -q -- --resume || fail "san pretrain"
  inside san segment /pictures/cat.jpg --backend torch -q --no-cache --classes 'cat, wall' -o /torch >/dev/null || fail "--backend torch"
  passed "package san-train: san pretrain, --backend torch"
  inside apt-get purge -y -qq san-train >/dev/null
fi
if [ -n "$(package san-video)" ]; then
  install "$(package san-video)"
  inside sh -ec 'cd /tmp && san world render --output clips --clip 5 --split mixed --pictures configs/world/pack.pictures --count 1 --size 64 &&
    san segment "clips/00000/images/%05d.png" --classes "cat, wall" --save video -o moving && ls moving/*.mp4' >/dev/null || fail "a video"
  passed "package san-video: a clip is segmented"
  inside apt-get purge -y -qq san-video >/dev/null
fi
inside apt-get purge -y -qq san libsan-dev >/dev/null
left=$(find "$root/usr" -xdev \( -name 'libsan.so*' -o -name san -o -name 'san[-.]*' -o -name _san \))
[ -z "$left" ] || fail "left after purging: $left"
passed "purged without a trace"
echo "all checks of the Debian packages passed"
