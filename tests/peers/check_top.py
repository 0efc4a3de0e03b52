#!/usr/bin/env python3
"""Compares a fit of topwork with scikit-learn's LogisticRegression at the same C: how far J is above its optimum.

scikit-learn runs in float64 to tol 1e-10 (lbfgs, 20000 iterations at most); J of both is computed in float64, of topwork's
on its float32 weights. Rows of the parts training and validation are fitted.

Usage: check_top.py BENCH_TOP FEATURES.npy CLASSES.i32 PARTS.u8 [C ...]
Exits 1 when a fit is more than 1e-5 (relative) above scikit-learn's where that converged.
"""

import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

STRENGTHS = ["1e-4", "1e-3", "1e-2", "0.1", "1", "10", "100", "1e3", "1e4"]


def objective(rows, labels, strength, weights, intercepts):
    logits = rows @ weights.T + intercepts
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    return strength * losses.sum() + 0.5 * (weights ** 2).sum()


def peer(rows, labels, strength):
    model = LogisticRegression(C=strength, tol=1e-10, max_iter=20000)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(rows, labels)
        except ConvergenceWarning:
            return None
    weights, intercepts = model.coef_, model.intercept_
    if len(weights) == 1:  # two classes: one vector w; as a softmax the weights are -w / 2 and w / 2, see doubled()
        return objective_of_two(rows, labels, strength)
    return objective(rows, labels, strength, weights, intercepts)


def objective_of_two(rows, labels, strength):
    """With two classes the optimum has opposite weights u and -u: 1/2 (|u|^2 + |u|^2) = 1/2 |w|^2 / 2 for w = 2 u, which is
    the binary problem at 2 C, its objective halved."""
    model = LogisticRegression(C=2 * strength, tol=1e-10, max_iter=20000).fit(rows, labels)
    weights = np.vstack([-model.coef_ / 2, model.coef_ / 2])
    return objective(rows, labels, strength, weights, np.array([-model.intercept_[0] / 2, model.intercept_[0] / 2]))


def ours(program, files, strength, classes, dimensions):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "top.f32")
        said = subprocess.run([program, *files, "0", strength, out], check=True, capture_output=True, text=True).stdout
        top = np.fromfile(out, "<f4").astype(np.float64)
    return json.loads(said), top[:classes * dimensions].reshape(classes, dimensions), top[classes * dimensions:]


def main():
    program, files, strengths = sys.argv[1], sys.argv[2:5], sys.argv[5:] or STRENGTHS
    kept = np.fromfile(files[2], np.uint8) <= 1
    rows = np.load(files[0]).astype(np.float64)[kept]
    labels = np.fromfile(files[1], "<i4")[kept]
    classes = int(np.fromfile(files[1], "<i4").max()) + 1
    worst = 0.0
    for text in strengths:
        report, weights, intercepts = ours(program, files, text, classes, rows.shape[1])
        mine = objective(rows, labels, float(text), weights, intercepts)
        theirs = peer(rows, labels, float(text))
        above = float("nan") if theirs is None else mine / theirs - 1
        worst = max(worst, above if theirs is not None else 0)
        print(f"C {text:>6}: J {mine:.9g}, above scikit-learn's {above:.1e}; reported {report['objective']:.9g}, "
              f"{report['iterations']} iterations, {report['seconds']:.2f} s, converged {report['converged']}", flush=True)
    return worst > 1e-5


if __name__ == "__main__":
    sys.exit(main())
