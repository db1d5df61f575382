# Sourced: `mirror` prints the Debian mirror that this machine itself uses, or $SAN_DEBIAN_MIRROR.
mirror() {
  [ -z "${SAN_DEBIAN_MIRROR:-}" ] || { echo "$SAN_DEBIAN_MIRROR"; return; }
  apt-get indextargets --format '$(SITE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
    awk '$2 == "main" && $3 == "Debian" { print $1; exit }'
}
