#!/bin/sh
# Static checks of source files; exits 1 when one has a finding.
#   tools/tidy.sh BUILD_FOLDER FILES...
# $TIDY_UNTIL: seconds since 1970 after which files are named instead of checked; added to the file $TIDY_LEFT, where that is set.
# Only findings in our own files count: to clang the headers of libtorch 1.13 are not quite C++20 (they have vectors of
# a class that is not complete yet), and it says so on every file that reads them.
set -eu
command -v clang-tidy-16 >/dev/null || { echo "clang-tidy-16 is not installed (tools/packages-dev.txt)" >&2; exit 1; }
build=$1
shift
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$build/tidy"
# clang cannot read a header that GCC precompiled.
sed 's| -Winvalid-pch -include [^ ]*||' "$build/compile_commands.json" >"$build/tidy/compile_commands.json.$$"
mv "$build/tidy/compile_commands.json.$$" "$build/tidy/compile_commands.json"
found=0
for file in "$@"; do
  if [ -n "${TIDY_UNTIL:-}" ] && [ "$(date +%s)" -ge "$TIDY_UNTIL" ]; then
    echo "NOT CHECKED, time is up: $file"
    [ -z "${TIDY_LEFT:-}" ] || echo "clang-tidy $file" >>"$TIDY_LEFT"
    continue
  fi
  clang-tidy-16 -p "$build/tidy" --quiet "$file" 2>/dev/null | grep -E "^$root/(src|apps|include)/.*: (error|warning):" && found=1
done
exit $found
