#!/bin/sh
# Makes the virtual environment build/peers that the scripts here and in bench/ run in. Nothing of it is needed to
# build, test or use topwork. Usage: venv.sh [tensorflow]
set -eu
cd "$(dirname "$0")/../.."
here=tests/peers
environment=build/peers

wanted=$here/requirements.txt
if [ "${1:-}" = tensorflow ]; then
  wanted="$wanted $here/requirements-tensorflow.txt"
fi
for enough in "$wanted" "$here/requirements.txt $here/requirements-tensorflow.txt"; do
  # shellcheck disable=SC2086
  if cat $enough | cmp -s - "$environment/installed.txt"; then
    exit 0
  fi
done
python=${PYTHON:-python3}
if [ ! -x "$environment/bin/python" ] && ! "$python" -m venv "$environment"; then
  echo 'The comparisons need Python 3.11 or later with its venv module (on Debian: python3-venv).' >&2
  exit 1
fi
# shellcheck disable=SC2046
"$environment/bin/pip" install --quiet --disable-pip-version-check $(for file in $wanted; do echo -r "$file"; done)
# shellcheck disable=SC2086
cat $wanted >"$environment/installed.txt"
