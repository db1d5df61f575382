#!/bin/sh
# Unpacks Debian's packages of another processor, with all that they depend on, into a folder for a cross compiler's
# --sysroot: chosen and verified by apt with this machine's sources, and nothing is installed. Installed beside this
# machine's they cannot be: libyaml-cpp-dev and libgdal32 exclude their like of another processor.
#   tools/sysroot.sh ARCHITECTURE FOLDER PACKAGE...
set -eu
architecture=$1 folder=$(realpath -m "$2")
shift 2
wanted="$architecture $*"
if [ "$(cat "$folder/packages" 2>/dev/null)" = "$wanted" ]; then exit 0; fi

work=$folder.part
rm -rf "$work"
mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/usr/lib" "$work/usr/bin" "$work/usr/sbin" \
  "$work/var/lib/dpkg/info"
# As on every Debian system since 11.
for name in lib bin sbin; do ln -s "usr/$name" "$work/$name"; done
database=$work/var/lib/dpkg
: >"$database/status"
echo 1 >"$database/info/format"
cat >"$work/apt/apt.conf" <<CONF
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Dir::State "$work/apt";
Dir::State::status "$database/status";
Dir::Cache "$work/apt";
CONF
export APT_CONFIG="$work/apt/apt.conf"
echo "packages of $architecture: $*"
apt-get update -qq
apt-get install -y -qq --download-only "$@" >/dev/null

for package in "$work"/apt/archives/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$work"
  # What dpkg-shlibdeps reads: which package a library is of, where it lies here, and in which version its symbols came.
  name=$(dpkg-deb -f "$package" Package)
  [ "$(dpkg-deb -f "$package" Multi-Arch)" != same ] || name=$name:$architecture
  dpkg-deb -e "$package" "$work/control"
  for file in symbols shlibs; do
    [ ! -e "$work/control/$file" ] || mv "$work/control/$file" "$database/info/$name.$file"
  done
  dpkg-deb --fsys-tarfile "$package" | tar -t | sed "s#^\./lib/#./usr/lib/#; s#^\.#$folder#; s#/\$##" >"$database/info/$name.list"
  { sed '1a Status: install ok installed' "$work/control/control"; echo; } >>"$database/status"
  rm -rf "$work/control"
done

# Links with a leading / would lead to this machine's files.
find "$work" -type l -lname '/*' | while read -r link; do
  ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$work$(readlink "$link")")" "$link"
done
# What update-alternatives would do when packages are installed.
for library in blas lapack; do
  for file in "$work"/usr/lib/*/"$library"/lib*.so*; do
    [ ! -e "$file" ] || ln -sf "$library/$(basename "$file")" "$(dirname "$file")/../$(basename "$file")"
  done
done
rm -rf "$work/apt"
echo "$wanted" >"$work/packages"
rm -rf "$folder"
mv "$work" "$folder"
