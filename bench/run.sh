#!/bin/sh
# `make bench`: the environment of the peers, then the comparison. Arguments go to compare.py.
set -eu
cd "$(dirname "$0")/.."
tests/peers/venv.sh tensorflow
exec build/peers/bin/python bench/compare.py "$@"
