#!/bin/bash
# Copies the few libraries that the training program needs into a folder, to be taken to a machine without them.
#   tools/pack-train-deps.sh FOLDER
set -euo pipefail
out=${1:?usage: tools/pack-train-deps.sh FOLDER}
rm -rf "$out"
mkdir -p "$out"
packages=(libspdlog-dev libspdlog1.10 libfmt-dev libfmt9 nlohmann-json3-dev libyaml-cpp-dev libyaml-cpp0.7 libcli11-dev libutf8proc-dev libutf8proc2 zlib1g-dev zlib1g)
for package in "${packages[@]}"; do
  dpkg -L "$package" | grep -E '^/(usr/)?(include|lib|share/cmake|share/pkgconfig)' | grep -vE '\.a$|/doc/' | while read -r path; do
    [ -d "$path" ] && [ ! -L "$path" ] && continue
    case $path in /usr/*) to=$out/${path#/usr/} ;; *) to=$out/${path#/} ;; esac
    mkdir -p "$(dirname "$to")"
    cp -P "$path" "$to"
  done
done
# Links that led into the other library folder of a merged /usr.
lib=$out/lib/x86_64-linux-gnu
ln -sf "$(basename "$(readlink "$lib/libz.so")")" "$lib/libz.so"
du -sh "$out"
