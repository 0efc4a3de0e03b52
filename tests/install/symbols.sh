#!/bin/sh
# Compares the names that the library gives to others with what its header declares, in both directions, and proves first
# that it would find a difference. Usage: symbols.sh CC LIBRARY.so LIBRARY.a HEADER
set -eu
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export LC_ALL=C

# The functions that the header declares for others, one a line, sorted. What TW_API stands for marks them.
declared() {
  "$cc" -E -P -x c -I "$include" "$1" | tr '\n' ' ' | grep -oE '__attribute__\(\(visibility\("default"\)\)\) [^();]*\(' |
    sed -E 's/.*[ *]([A-Za-z_0-9]+)\($/\1/' | sort
}

exported() {
  nm -D --defined-only "$1" | awk '$3 !~ /^_(init|fini|edata|end|_bss_start)$/ { print $3 }' | sort
}

cc=$1
so=$2
archive=$3
header=$4
include=$(dirname "$header")/..
printf '#include "%s"\nTW_API int\ntw_one(int a);\n/* TW_API void tw_two(void); */\nTW_API const char *tw_three(void);\n' \
  "$header" >"$tmp/self.h"
declared "$header" >"$tmp/declared"
[ "$(declared "$tmp/self.h" | comm -13 "$tmp/declared" - | tr '\n' ' ')" = 'tw_one tw_three ' ] ||
  { echo 'self-test: the declarations of a header are not found'; exit 1; }
exported "$so" >"$tmp/exported"
if ! diff "$tmp/declared" "$tmp/exported" >"$tmp/difference"; then
  echo 'the header (<) and the library (>) do not agree:'
  cat "$tmp/difference"
  exit 1
fi
foreign=$(nm -g --defined-only "$archive" | awk 'NF == 3 && $3 !~ /^tw_/ { print $3 }')
[ -z "$foreign" ] || { echo "the archive defines names that are not its own: $foreign"; exit 1; }
