#!/bin/sh
# Installs the Debian packages of the given lists that are not there yet. Does nothing, and needs no rights, when all are.
set -eu
missing=
for package in $(grep -hv '^#' "$@"); do
  state=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  case "$state" in ii*) ;; *) missing="$missing $package" ;; esac
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
as_root=
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "error: not root and no sudo; install these packages first:$missing" >&2; exit 1; }
  as_root=sudo
fi
$as_root apt-get update -qq
# Another installation, such as the system's own upgrade, is waited for.
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing
