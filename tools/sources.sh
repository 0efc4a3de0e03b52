#!/bin/sh
# Prints the C files of the project, one a line, relative to its root: what style checks and the formatter look at.
set -eu
cd "$(dirname "$0")/.."
for folder in include src tests bench examples tools; do
  if [ -d "$folder" ]; then
    find "$folder" -name '*.[ch]'
  fi
done | LC_ALL=C sort
