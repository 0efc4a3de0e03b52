#!/bin/sh
# Installs the Debian packages listed in the given files (one a line, # comments) that are missing. Does nothing, and
# asks nobody, when none is; on a system without apt it names them and stops with status 1.
set -eu

packages=$(cat "$@" | sed -e 's/#.*//' -e '/^ *$/d')

installed() {
  dpkg-query -W -f='${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^.i'
}

missing=
for package in $packages; do
  if ! command -v dpkg-query >/dev/null 2>&1 || ! installed "$package"; then
    missing="$missing $package"
  fi
done
if [ -z "$missing" ]; then
  exit 0
fi

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
  echo "topwork needs these packages (names of Debian 12); there is no apt here to install them with:" >&2
  for package in $missing; do
    echo "  $package" >&2
  done
  echo "Install what they are called on this system, then run make with DEPS=no." >&2
  exit 1
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null 2>&1; then
    echo "Missing packages:$missing" >&2
    echo "Neither root nor sudo here. As root, run: apt-get install --no-install-recommends$missing" >&2
    exit 1
  fi
  as_root=sudo
fi

echo "Installing:$missing"
apt() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"
}
# Lists that are missing or old make the first try fail; then, and only then, they are fetched.
# shellcheck disable=SC2086
if ! apt install -y --no-install-recommends $missing 2>/dev/null; then
  apt update
  # shellcheck disable=SC2086
  apt install -y --no-install-recommends $missing
fi
