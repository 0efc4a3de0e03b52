#!/usr/bin/env python3
"""scikit-learn's LogisticRegressionCV on given features: the peer that the training of a top is measured against.

Ten strengths (its default grid), five folds, float32 given, tol 1e-4; it stops at --max-iter iterations a fit (100 is its
default; more makes it slower). Usage: peer_top.py FEATURES.npy LABELS.npy --jobs N. Prints the seconds of fit() as JSON.
"""

import argparse
import json
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from threadpoolctl import threadpool_info


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("features")
    parser.add_argument("labels")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--max-iter", type=int, default=100)
    arguments = parser.parse_args()
    rows, labels = np.load(arguments.features).astype(np.float32), np.load(arguments.labels)
    model = LogisticRegressionCV(Cs=10, cv=5, l1_ratios=(0,), tol=1e-4, max_iter=arguments.max_iter, n_jobs=arguments.jobs,
                                 scoring="neg_log_loss", use_legacy_attributes=False)
    begun = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels)
    seconds = time.perf_counter() - begun
    kernels = sorted({entry.get("architecture", "") for entry in threadpool_info() if entry["user_api"] == "blas"})
    print(json.dumps({"seconds": seconds, "strength": float(np.ravel(model.C_)[0]), "dtype": str(model.coef_.dtype),
                      "blas": kernels, "iterations": int(np.max(model.n_iter_))}))


if __name__ == "__main__":
    main()
