#!/usr/bin/env python3
"""The floor `train` alone against scikit-learn's LogisticRegressionCV (peer_top.py) on the same rows, in one run.

Usage: bench_top.py BENCH_TOP FEATURES.npy CLASSES.i32 PARTS.u8 [--samples 5] [--max-iter 5000]. Rows of the parts training
and validation are trained on. Both take turns, the peer with n_jobs 1 and 2 in float32; prints the medians and their ratio.
BENCH_TOP is built with -DTOPWORK_BENCH=ON.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def said_by(*command):
    return json.loads(subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs=4, metavar=("BENCH_TOP", "FEATURES", "CLASSES", "PARTS"))
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--max-iter", type=int, default=5000)
    arguments = parser.parse_args()
    kept = np.fromfile(arguments.files[3], np.uint8) <= 1
    seconds = {"topwork": [], "n_jobs=1": [], "n_jobs=2": []}
    with tempfile.TemporaryDirectory() as folder:
        rows, labels = os.path.join(folder, "rows.npy"), os.path.join(folder, "labels.npy")
        np.save(rows, np.load(arguments.files[1]).astype(np.float32)[kept])
        np.save(labels, np.fromfile(arguments.files[2], "<i4")[kept])
        for _ in range(arguments.samples):
            seconds["topwork"].append(said_by(*arguments.files, "0")["seconds"])
            for jobs in (1, 2):
                peer = said_by(sys.executable, HERE / "peer_top.py", rows, labels, "--jobs", jobs, "--max-iter",
                               arguments.max_iter)
                seconds[f"n_jobs={jobs}"].append(peer["seconds"])
    medians = {name: statistics.median(samples) for name, samples in seconds.items()}
    best = min(medians["n_jobs=1"], medians["n_jobs=2"])
    print(json.dumps({"seconds": medians, "ratio": medians["topwork"] / best, "samples": seconds}, indent=2))


if __name__ == "__main__":
    main()
