#!/bin/sh
# topwork and the programs of bench/, from the folder of the project.
set -eu
cmake --preset release -DTOPWORK_BENCH=ON >/dev/null
cmake --build --preset release
