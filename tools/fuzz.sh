#!/bin/sh
# Builds the fuzz targets with libFuzzer and runs each for SECONDS (default 60), as many at a time as there are
# processors. New inputs stay in build/fuzz/corpus/NAME; a finding is kept in build/fuzz/findings and ends it with
# status 1. Usage: fuzz.sh [SECONDS [NAME...]]
set -eu
cd "$(dirname "$0")/.."
seconds=${1:-60}
if [ $# -gt 0 ]; then
  shift
fi

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
if [ $# -eq 0 ]; then
  # shellcheck disable=SC2046
  set -- $(find tests/fuzz -name 'fuzz_*.c' | sed -e 's/.*fuzz_//' -e 's/[.]c$//' | LC_ALL=C sort)
fi
if [ $# -eq 0 ]; then
  echo 'no fuzz targets'
  exit 0
fi

one='
name=$1
corpus=build/fuzz/corpus/$name
log=build/fuzz/$name.log
mkdir -p "$corpus" build/fuzz/findings
options=$(cat "tests/fuzz/fuzz_$name.options" 2>/dev/null || true)
if build/fuzz/bin/fuzz_$name -max_total_time=$2 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
  -artifact_prefix=build/fuzz/findings/$name- $options "$corpus" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
  echo "fuzz $name: $(sed -n "s/^stat::number_of_executed_units: *//p" "$log") inputs, nothing found"
else
  tail -n 60 "$log"
  echo "fuzz $name: FOUND SOMETHING, see build/fuzz/findings and $log; in base64:"
  for finding in build/fuzz/findings/"$name"-*; do
    echo "$finding: $(head -c 4096 "$finding" | base64 -w 0)"
  done
  exit 1
fi'
printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' sh -c "$one" fuzz '{}' "$seconds"
