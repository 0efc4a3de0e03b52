#!/bin/sh
# Takes the Python example out of docs/LIBRARY.md, runs it, and compares what it says with the program's own words.
# Usage: python.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v python3 >/dev/null || ! python3 -c 'import ctypes' 2>/dev/null || [ ! -x "$build/bin/mkpic" ]; then
  echo 'skipped: python3 with ctypes is not there'
  exit 77
fi
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
export HOME="$tmp" XDG_CACHE_HOME="$tmp/cache" LD_LIBRARY_PATH="$build/lib" PYTHONDONTWRITEBYTECODE=1
cd "$tmp"
sed -n '/^```python$/,/^```$/p' "$here/../../docs/LIBRARY.md" | sed '/^```/d' >example.py
grep -q '^import ctypes' example.py || { echo 'docs/LIBRARY.md has no example in Python'; exit 1; }
mkdir -p data/red data/green
for i in 1 2 3 4 5 6; do
  "$build/bin/mkpic" "data/red/$i.jpg" 40x30 "$i" red-plain
  "$build/bin/mkpic" "data/green/$i.png" 30x40 "$i" green-stripes
done
"$build/bin/topwork" train data -o model.onnx --quiet >/dev/null
python3 example.py model.onnx data/red/1.jpg data/green/2.png >said
"$build/bin/topwork" predict model.onnx data/red/1.jpg data/green/2.png -k 1 >wanted
cmp said wanted || { cat said wanted; exit 1; }
if python3 example.py model.onnx nowhere.jpg >said 2>&1; then
  echo 'the example is content with a picture that is not there'
  exit 1
fi
grep -q 'RuntimeError: nowhere.jpg: ' said || { cat said; exit 1; }
