#!/bin/sh
# Runs every command of the tutorial's pages and compares what comes out with what stands there:
#
#   tutorial.sh BIN DATA PAGE.md...            says what differs; exit status 1 when something does
#   tutorial.sh --update BIN DATA PAGE.md...   writes the pages anew, and their charts
#
# BIN is the folder of the program (build/release/bin), DATA the folder with the data sets birds, faces and
# caltech101-mini. A page is Markdown:
#
#   - a block ```console holds commands, a line each after "$ ", and under each what it writes to both streams;
#   - a block in another language is shown and not run;
#   - <!-- chart NAME from FILE --> before a picture says which file of the commands it is.
#
# The commands of a page run in an empty folder with links to the data sets and a features cache of its own. Seconds are
# not compared. Other figures may differ in their last digits where the processor has other instructions. With pngquant
# installed the charts that --update writes are a third of their size.
set -eu

update=no
if [ "$1" = --update ]; then
  update=yes
  shift
fi
bin=$(cd "$1" && pwd)
data=$(cd "$2" && pwd)
shift 2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
export PATH="$bin:$PATH" LC_ALL=C COLUMNS=100
unset LANG LANGUAGE TOPWORK_DATA TOPWORK_MODULES || true

# begin_page: an empty folder $tmp/work to run in.
begin_page() {
  rm -rf "$tmp/work" "$tmp/home"
  mkdir "$tmp/work" "$tmp/home"
  export HOME="$tmp/home" XDG_CACHE_HOME="$tmp/home/cache" XDG_DATA_HOME="$tmp/home/data"
  for set in "$data"/*/; do
    ln -s "${set%/}" "$tmp/work/"
  done
}

# run_command COMMAND: what it writes, and its exit status where that is not 0.
run_command() {
  status=0
  (cd "$tmp/work" && exec sh -c "$1") </dev/null 2>&1 || status=$?
  [ "$status" -eq 0 ] || echo "exit status $status"
}

# keep_chart FROM TO: a copy that is small enough for a repository: SVG to a hundredth of a pixel, PNG with 48 colours.
keep_chart() {
  case $2 in
    *.svg) sed -E 's/([0-9]\.[0-9]{2})[0-9]+/\1/g' "$1" >"$2" ;;
    *) pngquant --force --nofs --strip --output "$2" 48 "$1" 2>/dev/null || cp "$1" "$2" ;;
  esac
}

# take_chart NAME FILE: the chart of the page in $folder.
take_chart() {
  if [ ! -f "$tmp/work/$2" ]; then
    echo "$page: no command makes $2" >&2
    exit 1
  fi
  [ "$update" = no ] || keep_chart "$tmp/work/$2" "$folder/$1"
  [ -f "$folder/$1" ] || { echo "$folder/$1: is missing" >&2; exit 1; }
}

# rerun_page: the page on standard input with what its commands write now.
rerun_page() {
  inside=no
  while IFS= read -r line || [ -n "$line" ]; do
    case $inside,$line in
      'no,```console') inside=yes ;;
      'yes,```') inside=no ;;
      'no,<!-- chart '*)
        # shellcheck disable=SC2086
        set -- $line
        take_chart "$3" "$5"
        ;;
      'yes,$ '*)
        printf '%s\n' "$line"
        run_command "${line#??}"
        continue
        ;;
      yes,*) continue ;;
    esac
    printf '%s\n' "$line"
  done
}

# without_seconds FILE: durations, and the last column of an epoch's line, are left out.
without_seconds() {
  sed -E -e 's/[0-9]+(\.[0-9]+)? s([ ,;)]|$)/... s\2/g' -e 's/^( *[0-9]+ .* %) +[0-9.]+( \*)?$/\1 ...\2/' "$1"
}

differ=no
for page in "$@"; do
  folder=$(dirname "$page")
  begin_page
  rerun_page <"$page" >"$tmp/page"
  if [ "$update" = yes ]; then
    cp "$tmp/page" "$page"
    continue
  fi
  without_seconds "$page" >"$tmp/before"
  without_seconds "$tmp/page" >"$tmp/after"
  diff -u --label "$page" --label 'what came' "$tmp/before" "$tmp/after" || differ=yes
done
[ "$differ" = no ]
