#!/bin/sh
# Fails when clang-format would change a file. Without clang-format there is nothing to test (status 77).
set -eu
cd "$(dirname "$0")/.."
formatter=$(command -v clang-format-14 || command -v clang-format || true)
if [ -z "$formatter" ]; then
  echo "clang-format is not installed"
  exit 77
fi
# Versions differ in what they think good: 14 is Debian 12's, and the one that decides.
case $("$formatter" --version) in
  *"version 14."*) ;;
  *) echo "clang-format is not version 14"; exit 77 ;;
esac
tools/sources.sh | xargs "$formatter" --dry-run -Werror
