#!/bin/sh
# The first nouns of WordNet as a class file, one a line: a vocabulary of twenty thousand and more.
#
#   bench/wordnet-nouns.sh [COUNT] > nouns.txt      (20000)
#   san segment picture.jpg --classes-file nouns.txt
#
# WordNet comes from Debian's package wordnet-base. Left out are names that differ in case alone, which CLIP
# cannot tell apart, and the few that are longer than prompts may be.
set -eu
nouns=/usr/share/wordnet/data.noun
[ -r "$nouns" ] || {
  echo "$nouns is not there: apt-get install wordnet-base" >&2
  exit 1
}
awk -v count="${1:-20000}" '
  /^[0-9]/ {
    name = $5
    gsub(/_/, " ", name)
    if (length(name) > 40 || seen[tolower(name)]++) next
    print name
    if (++printed == count) exit
  }' "$nouns"
