#!/bin/sh
# Prints CHANGELOG.md's section of a version as Debian's packages have it.
#   packaging/changelog.sh PACKAGE VERSION MAINTAINER
set -eu
cd "$(dirname "$0")/.."
date=$(git log -1 --format=%cD -- CHANGELOG.md 2>/dev/null || true)
printf '%s (%s) unstable; urgency=medium\n\n' "$1" "$2"
awk -v version="$2" '/^## / { on = $2 == version } on && /^- / { print substr($0, 3) }' CHANGELOG.md |
  while read -r line; do
    echo "$line" | fold -s -w 74 | sed 's/ *$//; 1s/^/  * /; 1!s/^/    /'
  done
printf '\n -- %s  %s\n' "$3" "${date:-$(date -Rud "@${SOURCE_DATE_EPOCH:-0}")}"
