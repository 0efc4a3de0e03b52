#!/bin/sh
# Makes the virtual environment build/peers that the scripts here and in bench/ run in. Nothing of it is needed to
# build, test or use topwork. Usage: venv.sh [tensorflow] [nncf]
set -eu
cd "$(dirname "$0")/../.."
here=tests/peers
environment=build/peers
installed=$environment/installed # the requirements that are met

wanted=requirements.txt
for name in "$@"; do
  wanted="$wanted requirements-$name.txt"
done
missing=
for file in $wanted; do
  cmp -s "$here/$file" "$installed/$file" || missing="$missing $file"
done
[ -n "$missing" ] || exit 0

python=${PYTHON:-python3}
if [ ! -x "$environment/bin/python" ] && ! "$python" -m venv "$environment"; then
  echo 'The comparisons need Python 3.11 or later with its venv module (on Debian: python3-venv).' >&2
  exit 1
fi
# All that is wanted at once, so that versions fit.
# shellcheck disable=SC2046
"$environment/bin/pip" install --quiet --disable-pip-version-check $(for file in $wanted; do echo -r "$here/$file"; done)
mkdir -p "$installed"
for file in $wanted; do
  cp "$here/$file" "$installed/$file"
done
