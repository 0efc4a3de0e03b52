#!/usr/bin/env python3
"""scikit-learn's LogisticRegressionCV on given features: the peer that the training of a top is measured against.

Float32 given, tol 1e-4; it stops at --max-iter iterations a fit (100 is its default; more makes it slower).
Usage: peer_top.py FEATURES.npy LABELS.npy --jobs N      its ten strengths by default, five folds
       peer_top.py FEATURES.npy LABELS.i32 --parts PARTS.u8 --strengths C...   fits on the rows of part 0, scores on those of
                                                          part 1, and fits again on both; rows of other parts are left out
Prints the seconds of fit() as JSON.
"""

import argparse
import json
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import PredefinedSplit
from threadpoolctl import threadpool_info


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("features")
    parser.add_argument("labels")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--parts")
    parser.add_argument("--strengths", type=float, nargs="+", default=10)
    arguments = parser.parse_args()
    rows, labels, folds = np.load(arguments.features).astype(np.float32), read_labels(arguments.labels), 5
    if arguments.parts:
        parts = np.fromfile(arguments.parts, np.uint8)
        used = parts <= 1
        rows, labels = rows[used], labels[used]
        folds = PredefinedSplit(np.where(parts[used] == 1, 0, -1))
    model = LogisticRegressionCV(Cs=arguments.strengths, cv=folds, l1_ratios=(0,), tol=1e-4, max_iter=arguments.max_iter,
                                 n_jobs=arguments.jobs, scoring="neg_log_loss", use_legacy_attributes=False)
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels)
    seconds = time.perf_counter() - begun
    kernels = sorted({entry.get("architecture", "") for entry in threadpool_info() if entry["user_api"] == "blas"})
    print(json.dumps({"seconds": seconds, "strength": float(np.ravel(model.C_)[0]), "dtype": str(model.coef_.dtype),
                      "blas": kernels, "iterations": int(np.max(model.n_iter_))}))


def read_labels(path):
    return np.load(path) if path.endswith(".npy") else np.fromfile(path, "<i4")


if __name__ == "__main__":
    main()
