# Sourced: bare Debian systems to try packages in. Made once by debootstrap and kept in $SAN_CHROOTS.
. "$(dirname "$0")/mirror.sh"
chroots=${SAN_CHROOTS:-/var/tmp/san-chroots}

# Where no such system can be made, says why and exits with 0; with 1 where $SAN_CHECKS_REQUIRED is set (a release).
need_debootstrap() {
  why=
  [ "$(id -u)" -eq 0 ] || why="not root"
  command -v debootstrap >/dev/null || why="debootstrap is not installed"
  [ -n "$(mirror)" ] || why="apt names no Debian mirror"
  [ -z "$why" ] || { echo "SKIPPED $(basename "$0"): $why"; exit $((${SAN_CHECKS_REQUIRED:+1} + 0)); }
}

# bare_system RELEASE: a fresh copy of its smallest installation; its folder is in $root, removed at the end.
bare_system() {
  base=$chroots/$1
  mkdir -p "$chroots"
  # Two checks at once make it once.
  exec 9>"$base.lock"
  flock 9
  if [ ! -e "$base.complete" ]; then
    rm -rf "$base"
    debootstrap --variant=minbase "$1" "$base" "$(mirror)" >"$base.log" 2>&1 9>&- ||
      { tail -n 20 "$base.log"; echo "error: debootstrap $1 failed; $base.log says more" >&2; exit 1; }
    touch "$base.complete"
  fi
  exec 9>&-
  root=$(mktemp -d "$chroots/run.XXXXXX")
  trap leave_system EXIT
  trap 'exit 1' INT TERM
  cp -a "$base/." "$root/"
  mount -t proc proc "$root/proc"
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

leave_system() {
  [ -n "${root:-}" ] || return 0
  ! mountpoint -q "$root/proc" || umount "$root/proc"
  rm -rf --one-file-system "$root"
  root=
}

# inside COMMAND...: runs it there, with nothing of this machine's environment.
inside() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
}

fail() { echo "FAILED: $*" >&2; exit 1; }
passed() { echo "ok: $*"; }

# The pictures that every check segments, in all formats, and the options it does that with.
copy_pictures() {
  mkdir -p "$root/pictures"
  cp tests/data/photos/cat.jpg tests/data/image/rgb.webp tests/data/image/rgb.tif tests/data/image/rgb.bmp \
    tests/data/image/rgb.png tests/data/image/rgb.ppm "$root/pictures/"
}

# segments_as_here LABEL PROGRAM: the labels of every format, decoded behind the sandbox too, against those that this
# machine's build makes. Instruction sets do not change with the system, so they must be the same bytes.
segments_as_here() {
  classes='cat, sofa|couch, wall'
  rm -rf "$root/here" "$root/there"
  "$build/apps/san" segment "$root/pictures" -q --no-cache --classes "$classes" --save labels -o "$root/here" >/dev/null
  inside "$2" segment /pictures -q --no-cache --classes "$classes" --save labels,overlay --sandbox-decoders -o /there >/dev/null ||
    fail "$1: san segment"
  pictures=$(ls "$root/pictures" | wc -l)
  [ "$(ls "$root/there" | grep -c 'overlay.png$')" -eq "$pictures" ] || fail "$1: overlays are missing: $(ls "$root/there")"
  [ "$(ls "$root/here" | wc -l)" -eq "$pictures" ] || fail "here: labels are missing: $(ls "$root/here")"
  for labels in "$root"/here/*.labels.png; do
    cmp "$labels" "$root/there/$(basename "$labels")" || fail "$1: other labels of $(basename "$labels")"
  done
  passed "$1: $pictures pictures of all formats, behind the sandbox, labelled as here"
}

# knows_companions LABEL PROGRAM: the list of models, and the programs behind other commands find their libraries.
# What they do on the network has its own tests.
knows_companions() {
  inside "$2" models | grep -q san-vit-b-16 || fail "$1: san models"
  inside "$2" pull --help | grep -q -- --bpe || fail "$1: san pull"
  inside "$2" export --help | grep -q -- --onnx || fail "$1: san export"
  passed "$1: san models, pull, export"
}

# serves LABEL PROGRAM: the service starts, labels a picture as the command does, and stops when told.
serves() {
  inside bash -c '
    set -eu
    "$1" serve --port 0 >/tmp/serving 2>/tmp/said & service=$!
    for i in $(seq 300); do [ ! -s /tmp/serving ] || break; sleep 0.1; done
    port=$(sed "s/.*://" /tmp/serving)
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    picture=$(base64 -w0 /pictures/rgb.png)
    body="{\"image\": \"$picture\", \"classes\": \"cat, sofa|couch, wall\", \"output\": \"labels\"}"
    printf "POST /v1/segment HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s" "${#body}" "$body" >&3
    cat <&3 >/tmp/answer
    size=$(tr -d "\r" </tmp/answer | sed -n "s/^Content-Length: //p" | head -1)
    tail -c "$size" /tmp/answer >/tmp/labels.png
    kill "$service"
    wait "$service"' bash "$2" || fail "$1: san serve: $(cat "$root/tmp/said")"
  cmp "$root/tmp/labels.png" "$root/here/rgb.png.labels.png" || fail "$1: san serve: other labels"
  passed "$1: san serve labels as the command does, and stops"
}
