#!/bin/sh
# Fails on what the formatter cannot see: files over 600 lines, functions of the C library that cut fingers, lines over
# 120 columns, tabs and blanks at line ends, files of src/ that do not open with a comment, notes to come back later.
#
# Usage: check_style.sh [ROOT]; --self-test first proves that each of these is found.
set -eu

check() {
  (
    cd "$1"
    find src include tests bench examples tools -name '*.[ch]' 2>/dev/null | LC_ALL=C sort | LC_ALL=C xargs awk '
      function wrong(line, why) {
        printf "%s:%d: %s\n", file, line, why
        bad = 1
      }
      function finish() {
        if (lines > 600) wrong(lines, "more than 600 lines")
      }
      FNR == 1 {
        if (file != "") finish()
        file = FILENAME
        files++
        if (file ~ /^(src|include)\// && $0 !~ /^\/\*/) wrong(1, "does not open with a comment that says what it is for")
      }
      { lines = FNR; code = $0; gsub(/"([^"\\]|\\.)*"/, "\"\"", code) }
      code ~ /(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atof|strtok)[ ]*\(/ {
        wrong(FNR, "a function that has no place here (strcpy, strcat, sprintf, gets, atoi, strtok, ...)")
      }
      /(TODO|FIXME)([^A-Za-z]|$)/ { wrong(FNR, "a note to come back later") }
      /\t/ { wrong(FNR, "a tab") }
      /[ \r]$/ { wrong(FNR, "a blank at the end of the line") }
      { wide = $0; gsub(/[\200-\277]/, "", wide); if (length(wide) > 120) wrong(FNR, "more than 120 columns") }
      END {
        if (files == 0) { print "no C files found"; exit 1 }
        finish()
        exit bad
      }'
  )
}

expect() {
  rm -rf "$tree"
  mkdir -p "$tree/src/base"
  printf '%b' "$1" >"$tree/src/base/a.c"
  if said=$(check "$tree"); then said="(accepted) $said"; fi
  case $said in
    *"$2"*) ;;
    *) echo "self-test: '$1' should give '$2', gave: $said"; exit 1 ;;
  esac
}

self_test() {
  tree=$(mktemp -d)
  trap 'rm -rf "$tree"' EXIT
  expect '/* A. */\nint x;\n' '(accepted)'
  expect '/* A. */\nvoid f(void) { my_strcpy(a); printf("strcpy(x)"); snprintf(a); }\n' '(accepted)'
  expect '/* A. */\nvoid f(void) { strcpy(a, b); }\n' 'no place here'
  expect '/* A. */\nint f(void) { return atoi (a); }\n' 'no place here'
  expect '/* A. */\n  sprintf(a, b);\n' 'no place here'
  expect '/* A. TODO: more */\n' 'come back later'
  expect '/* A. */\n\tint x;\n' 'a tab'
  expect '/* A. */\nint x; \n' 'end of the line'
  expect 'int x;\n' 'open with a comment'
  expect "/* A. */\n/* $(printf '%0120d' 0) */\n" 'more than 120 columns'
  expect "/* A. */\n$(printf '%0600d' 0 | sed 's/0/;\\n/g')" 'more than 600 lines'
  rm -rf "$tree/src"
  if check "$tree" >/dev/null; then
    echo 'self-test: a tree without sources should fail'
    exit 1
  fi
}

if [ "${1:-}" = --self-test ]; then
  shift
  self_test
fi
check "${1:-$(dirname "$0")/..}"
