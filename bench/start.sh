#!/bin/sh
# The start of a program linked to the library against its peer; see start.py. Arguments go to it.
set -eu
cd "$(dirname "$0")/.."
tests/peers/venv.sh
exec build/peers/bin/python bench/start.py "$@"
