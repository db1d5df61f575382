#!/bin/sh
# The examples in Python and C++ on the built-in model as exported by BUILD, in Debian 13, whose onnxruntime packages
# Debian 12 lacks; their labels against those of `san segment`.
#   packaging/check-onnx-examples.sh BUILD
set -eu
cd "$(dirname "$0")/.."
build=$(realpath "${1:?usage: $0 BUILD}")
. packaging/bare-system.sh
need_debootstrap
bare_system trixie
inside apt-get update -qq
inside apt-get install -y -qq --no-install-recommends g++ libonnxruntime-dev pkg-config python3-numpy python3-onnxruntime \
  python3-pil >"$root/install.log" 2>&1 || { tail -n 20 "$root/install.log"; fail "apt-get install"; }
passed "Debian 13, ONNX Runtime $(inside dpkg-query -W -f '${Version}' python3-onnxruntime)"

classes='sun, doughnut|ring, night sky, meadow|grass, cat'
names='sun,doughnut,night sky,meadow,cat'
mkdir "$root/work"
cp examples/onnx/segment.py examples/onnx/segment.cpp packaging/onnx-examples/compare.py "$root/work/"
cp tests/data/photos/cat.jpg "$root/work/picture.jpg"
"$build/apps/san" export -q --onnx "$root/work/folded" --segmenter --classes "$classes" >"$root/exported" 2>&1 ||
  fail "san export: $(cat "$root/exported")"
"$build/apps/san" export -q --onnx "$root/work/open" --segmenter >"$root/exported" 2>&1 || fail "san export: $(cat "$root/exported")"
"$build/apps/san" segment "$root/work/picture.jpg" -q --no-cache --classes "$classes" --save labels -o "$root/work/synonyms" >/dev/null 2>&1
"$build/apps/san" segment "$root/work/picture.jpg" -q --no-cache --classes "$names" --save labels -o "$root/work/plain" >/dev/null 2>&1

# Debian's onnxruntime complains of thousands of schemas that it registers twice.
here() { inside sh -c "cd /work && $1" 2>"$root/said" || { grep -v '^Schema error\|^$' "$root/said" >&2; return 1; }; }
here 'python3 segment.py folded picture.jpg >python.txt && mv labels.png python.png' || fail "segment.py, classes folded in"
passed "segment.py, classes folded in: $(here 'python3 compare.py labels synonyms/picture.labels.png python.png')"

here 'c++ -std=c++20 -Wall -Wextra -Werror segment.cpp -o segment $(pkg-config --cflags --libs libonnxruntime)' ||
  fail "segment.cpp does not compile"
here 'python3 -c "from PIL import Image; Image.open(\"picture.jpg\").convert(\"RGB\").save(\"picture.ppm\")"'
here './segment folded picture.ppm >cpp.txt' || fail "segment.cpp"
passed "segment.cpp: $(here 'python3 compare.py areas python.png cpp.txt')"
if here './segment folded picture.jpg' 2>/dev/null; then fail "segment.cpp takes a JPEG for a PPM"; fi
grep -q 'expected a binary PPM' "$root/said" || fail "segment.cpp says: $(grep -v '^Schema error' "$root/said")"

# Hugging Face's Python tokenizers are no Debian package: their part is played by the same library in JavaScript, whose
# numbers for exactly these prompts lie in a file.
packages=${SAN_ONNXRUNTIME_DIR:-$build/node}
if command -v node >/dev/null && [ -d "$packages/node_modules/@huggingface/tokenizers" ]; then
  mkdir "$root/work/tokenizers"
  cp packaging/onnx-examples/tokenizers.py "$root/work/tokenizers/__init__.py"
  SAN_ONNXRUNTIME_DIR=$packages node packaging/onnx-examples/prompts.js "$root/work/open" "$names" >"$root/work/prompts.json"
  (IFS=,; set -f; for name in $names; do printf '%s\0' "$name"; done) >"$root/work/names"
  here 'xargs -0 python3 segment.py open picture.jpg <names >python.txt && mv labels.png open.png' || fail "segment.py, names"
  passed "segment.py, names: $(here 'python3 compare.py labels plain/picture.labels.png open.png')"
else
  echo "SKIPPED segment.py with names: node or @huggingface/tokenizers is missing (cmake --build $build --target node_packages)"
  exit $((${SAN_CHECKS_REQUIRED:+1} + 0))
fi
