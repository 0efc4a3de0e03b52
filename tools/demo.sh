#!/bin/sh
# The demonstration behind `make demo`: trains a classifier on labelled pictures, tests it, and classifies some pictures
# that it has never seen. PHOTOS=folder (one subfolder a class) names pictures of your own; by default they come from
# Debian's package tuxpaint-stamps-default, which is unpacked into build/demo and not installed. The second run downloads
# and computes nothing again.
set -eu
cd "$(dirname "$0")/.."
topwork=build/release/bin/topwork
demo=build/demo
mkdir -p "$demo"

say() {
  printf '%s\n' "$*"
}

# show COMMAND...: prints the command as one would type it, and runs it.
show() {
  printf '\n$'
  for word in "$@"; do
    case $word in
      *[!A-Za-z0-9_./=:@%+,-]*) printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  "$@"
}

download_stamps() {
  package=tuxpaint-stamps-default
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    say "The pictures of this demonstration come from Debian's package $package, and there is no apt here." >&2
    say 'Name a folder with pictures of your own, one subfolder a class: make demo PHOTOS=folder' >&2
    exit 1
  fi
  say "The pictures come from Debian's package $package: a download of about 160 MB, once."
  rm -rf "$demo/download"
  mkdir "$demo/download"
  fetch() {
    (cd "$demo/download" && apt-get -q -o APT::Sandbox::User=root download "$package")
  }
  if ! fetch 2>/dev/null; then
    say 'The lists of packages are missing or old: fetching them.'
    if [ "$(id -u)" -eq 0 ]; then apt-get -q update; else sudo apt-get -q update; fi
    fetch
  fi
  dpkg-deb -x "$demo"/download/*.deb "$demo/download/unpacked"
  mv "$demo/download/unpacked/usr/share/tuxpaint/stamps" "$demo/stamps"
  rm -rf "$demo/download"
}

# describe FOLDER: classes and pictures by name, as far as that goes; what is in the files is found out in training.
describe() {
  (
    cd "$1"
    find . -mindepth 2 -type f -not -path '*/.*' \( -iname '*.png' -o -iname '*.jpg' -o -iname '*.jpeg' -o -iname '*.webp' \
      -o -iname '*.gif' -o -iname '*.tif' -o -iname '*.tiff' -o -iname '*.heic' -o -iname '*.avif' \)
  ) | awk -F / '
    { count[$2]++; all++ }
    END {
      for (class in count) {
        classes++
        if (count[class] > most || (count[class] == most && class < largest)) { most = count[class]; largest = class }
        if (count[class] < 10) few++
      }
      if (classes == 0) { print "No pictures found, one subfolder a class is expected."; exit 1 }
      printf "%d pictures in %d classes. The largest class, %s, has %d of them: always guessing it\n", all, classes,
        largest, most
      printf "would be right %.0f times in a hundred, so that is what a classifier has to beat.\n", 100 * most / all
      if (few > 0) printf "%d %s under ten pictures: too few to learn or to test much.\n", few,
        few == 1 ? "class has" : "classes have"
    }'
}

# some_tested FILE COUNT: paths of COUNT pictures of the test part, evenly spread, one a line, from predictions.csv.
some_tested() {
  awk -v wanted="$2" '
    # Splits a line of CSV (RFC 4180) into field[1..]; 0 when it is not a whole record.
    function split_csv(line,    n, part) {
      n = 0
      while (1) {
        if (substr(line, 1, 1) == "\"") {
          part = ""
          line = substr(line, 2)
          while (match(line, /"/)) {
            part = part substr(line, 1, RSTART - 1)
            line = substr(line, RSTART + 1)
            if (substr(line, 1, 1) != "\"") break
            part = part "\""
            line = substr(line, 2)
          }
          if (RSTART == 0) return 0
        } else {
          match(line, /^[^,]*/)
          part = substr(line, 1, RLENGTH)
          line = substr(line, RLENGTH + 1)
        }
        field[++n] = part
        if (substr(line, 1, 1) != ",") return n
        line = substr(line, 2)
      }
    }
    { sub(/\r$/, ""); fields = split_csv($0) }
    NR == 1 { for (i = 1; i <= fields; i++) column[field[i]] = i; next }
    fields >= column["part"] && field[column["part"]] == "test" { path[++n] = field[column["path"]] }
    END {
      if (wanted > n) wanted = n
      for (i = 1; i <= wanted; i++) print path[int((i - 0.5) * n / wanted) + 1]
    }' "$1"
}

if [ -n "${PHOTOS:-}" ]; then
  photos=$PHOTOS
  name=photos
  if [ ! -d "$photos" ]; then
    say "PHOTOS=$photos: there is no such folder" >&2
    exit 1
  fi
else
  photos=$demo/stamps
  name=stamps
  if [ ! -d "$photos" ]; then
    if [ -d /usr/share/tuxpaint/stamps ]; then
      photos=/usr/share/tuxpaint/stamps
    else
      download_stamps
    fi
  fi
fi

say "The pictures are in $photos."
describe "$photos"
show "$topwork" train "$photos" -o "$demo/$name.onnx"

say ''
say 'Six pictures of the test part, which took no part in training; a picture is in the folder of its class:'
set --
while IFS= read -r path; do
  [ -e "$path" ] || path=$photos/$path
  set -- "$@" "$path"
done <<X
$(some_tested "$demo/$name.report/predictions.csv" 6)
X
show "$topwork" predict "$demo/$name.onnx" "$@"

cat <<X

Written:
  $demo/$name.onnx                    the model: trunk, top, labels and preprocessing in one ONNX file
  $demo/$name.report/metrics.json     the test result, for programs
  $demo/$name.report/confusion.csv    which class is taken for which
  $demo/$name.report/predictions.csv  what it says of every picture

To try next:
  make demo PHOTOS=folder                              with your own pictures, one subfolder a class
  $topwork predict $demo/$name.onnx PICTURE
  $topwork inspect $demo/$name.onnx
  $topwork --help
X
