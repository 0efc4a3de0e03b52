#!/usr/bin/env python3
"""Writes tests/unit/test_train_goldens.h: optima that scikit-learn finds on small data given by a formula.

scikit-learn's LogisticRegression in float64, lbfgs, tol 1e-12, polished by Newton's method on the full softmax
parametrisation (a two-class problem has the optimum u, -u there), so that J is exact to about 1e-13.
Usage: make_top_goldens.py > tests/unit/test_train_goldens.h
"""

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression

CASES = [(90, 7, 3), (60, 5, 2), (40, 60, 4)]
STRENGTHS = [1e-4, 1e-2, 1.0, 1e2, 1e4]


def data(n, d, classes):
    """As test_train_data.h: labels i % K; numbers in [-1, 1) from a remainder, moved by 0.5 in the column of the label."""
    i, j = np.arange(n)[:, None], np.arange(d)[None, :]
    rows = ((i * i * 7919 + j * 10473 + i * j * j * 31 + 17 * i) % 1000 / 500 - 1 + 0.5 * (j % classes == i % classes))
    return rows.astype(np.float32).astype(np.float64), np.arange(n) % classes


def objective(point, rows, labels, classes, strength):
    matrix = point.reshape(classes, -1)
    logits = rows @ matrix[:, :-1].T + matrix[:, -1]
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]
    return strength * losses.sum() + 0.5 * (matrix[:, :-1] ** 2).sum()


def newton_step(point, rows, labels, classes, strength):
    extended = np.hstack([rows, np.ones((len(rows), 1))])
    matrix = point.reshape(classes, -1)
    p = softmax(extended @ matrix.T, axis=1)
    penalty = np.hstack([np.ones((classes, rows.shape[1])), np.zeros((classes, 1))])
    gradient = strength * (p - np.eye(classes)[labels]).T @ extended + penalty * matrix
    width = extended.shape[1]
    hessian = np.zeros((classes * width, classes * width))
    for a in range(classes):
        for b in range(classes):
            w = strength * p[:, a] * ((a == b) - p[:, b])
            hessian[a * width:(a + 1) * width, b * width:(b + 1) * width] = extended.T @ (extended * w[:, None])
    hessian += np.diag(penalty.ravel())
    return point - np.linalg.lstsq(hessian, gradient.ravel(), rcond=None)[0]


def optimum(rows, labels, classes, strength):
    factor = 2 if classes == 2 else 1
    model = LogisticRegression(C=factor * strength, tol=1e-12, max_iter=100000).fit(rows, labels)
    weights, intercepts = model.coef_, model.intercept_
    if classes == 2:
        weights, intercepts = np.vstack([-weights, weights]) / 2, np.array([-intercepts[0], intercepts[0]]) / 2
    point = np.hstack([weights, intercepts[:, None]]).ravel()
    best = point
    for _ in range(20):
        point = newton_step(point, rows, labels, classes, strength)
        if objective(point, rows, labels, classes, strength) < objective(best, rows, labels, classes, strength):
            best = point
    return best


def main():
    print("/* Written by tests/peers/make_top_goldens.py: J and the first row's probabilities at the optimum. */")
    print("typedef struct optimum {\n  size_t count;\n  size_t dimensions;\n  size_t classes;\n  double strength;")
    print("  double objective;\n  double first[4];\n} optimum;\n\nstatic const optimum optima[] = {")
    for n, d, classes in CASES:
        rows, labels = data(n, d, classes)
        for strength in STRENGTHS:
            point = optimum(rows, labels, classes, strength)
            matrix = point.reshape(classes, -1)
            first = softmax(rows[0] @ matrix[:, :-1].T + matrix[:, -1])
            value = objective(point, rows, labels, classes, strength)
            numbers = ", ".join(f"{p:.9g}" for p in first)
            print(f"    {{{n}, {d}, {classes}, {strength:g}, {value:.15g}, {{{numbers}}}}},")
    print("};")


if __name__ == "__main__":
    main()
