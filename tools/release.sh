#!/bin/sh
# Makes and checks everything that a release consists of, from its tag, in a clean copy of that commit.
#   tools/release.sh vMAJOR.MINOR.PATCH [FOLDER]        results: FOLDER, else release/TAG
set -eu
cd "$(dirname "$0")/.."
tag=${1:?usage: tools/release.sh vMAJOR.MINOR.PATCH [FOLDER]}
folder=$(realpath -m "${2:-release/$tag}")
stop() { echo "error: $*" >&2; exit 1; }

echo "$tag" | grep -Eqx 'v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?' || stop "$tag is no tag of a release, such as v1.2.0"
version=${tag#v}
commit=$(git rev-parse -q --verify "refs/tags/$tag^{commit}") || stop "there is no tag $tag; make it first: git tag -a $tag"
git show "$commit:CMakeLists.txt" | grep -q "^project(san VERSION ${version%%-*} " ||
  stop "CMakeLists.txt at $tag has another version than $version"
git show "$commit:CHANGELOG.md" | grep -q "^## $version" || stop "CHANGELOG.md at $tag has no section \"## $version\""

# A clean copy of the commit. Where something fails it stays, and another call goes on with what is missing there.
copy=$(pwd)/build/release-$tag
if [ ! -e "$copy/.git" ] || [ "$(git -C "$copy" rev-parse HEAD)" != "$commit" ]; then
  rm -rf "$copy"
  git clone -q --no-hardlinks . "$copy"
  git -C "$copy" -c advice.detachedHead=false checkout -q "$commit"
fi
cd "$copy"
[ -z "$(git status --porcelain)" ] || stop "$copy was changed; remove it"
export SAN_CHECKS_REQUIRED=1
# passes TARGET...: makes what has not passed yet.
passes() {
  passed=build/passed-$(echo "$*" | tr ' ' -)
  [ -e "$passed" ] || make "$@"
  touch "$passed"
}
passes test
passes check-packages check-reproducible
passes arm64
build/package/apps/san --version | grep -q "^san ${version%%-*}, commit $(git rev-parse --short=10 HEAD)" ||
  stop "san --version says: $(build/package/apps/san --version | head -n 1)"

mkdir -p "$folder"
cp -r dist/. "$folder/"
awk -v heading="## $version" '/^## / { on = index($0, heading) == 1; next } on' CHANGELOG.md >"$folder/NOTES.md"
(cd "$folder" && find . -type f ! -name SHA256SUMS | sort | sed 's#^./##' | xargs -d '\n' sha256sum >SHA256SUMS)
cd /
rm -rf "$copy"
echo "$tag: $folder"
ls -l "$folder"
