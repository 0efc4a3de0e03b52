#!/usr/bin/env python3
"""How far J of topwork's top can be above its minimum, proven in float64 by NumPy and SciPy, at the strength C it chose.

J = C * sum of cross-entropies + half the squared weights, intercept free. The least J over the intercepts, f(W), is strongly
convex by its penalty, so that anywhere f(W) - min f <= |gradient of f|^2 / 2 (Nesterov, 2004, 2.1.19): every point gives a
lower bound of the minimum. Topwork's own point gives one; when that is not good enough L-BFGS starts there and gives better
ones. The strength is read from metrics.json, the weights from the model, the samples (training + validation) from
predictions.csv. Fails when J may be more than 1e-5 higher, relatively.
Usage: check_optimum.py [birds|faces|caltech101-mini|flowers]...
"""

import json
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from scipy.optimize import minimize
from scipy.special import logsumexp

import peer

LIMIT = 1e-5  # of (J - minimum) / J
ENOUGH = LIMIT / 100  # of the same: how well the minimum is to be known
STEPS = 25  # of L-BFGS between two bounds
MOST = 200  # such rounds


class Objective:
    """J on given samples, which are centred: the same problem, better conditioned, with other intercepts."""

    def __init__(self, rows, labels, classes, strength):
        self.mean = rows.mean(0)
        self.rows, self.strength = rows - self.mean, strength
        self.hot = np.eye(classes)[labels]

    def value(self, weights, intercepts):
        """J, and the probabilities."""
        scores = self.rows @ weights.T + intercepts
        norms = logsumexp(scores, axis=1, keepdims=True)
        losses = (norms[:, 0] - (scores * self.hot).sum(1)).sum()
        return self.strength * losses + 0.5 * (weights ** 2).sum(), np.exp(scores - norms)

    def gradient(self, weights, probabilities):
        residuals = self.strength * (probabilities - self.hot)
        return residuals.T @ self.rows + weights, residuals.sum(0)

    def best_intercepts(self, weights, intercepts):
        """Newton's method; the intercepts' sum does not matter, hence the pseudo-inverse."""
        value, probabilities = self.value(weights, intercepts)
        for _ in range(50):
            slope = (probabilities - self.hot).sum(0)
            if np.abs(slope).max() < 1e-9:
                break
            bend = np.diag(probabilities.sum(0)) - probabilities.T @ probabilities
            step = np.linalg.pinv(bend, hermitian=True) @ slope
            while True:
                trial, probabilities_there = self.value(weights, intercepts - step)
                if trial <= value or np.abs(step).max() < 1e-12:
                    break
                step /= 2
            intercepts, value, probabilities = intercepts - step, trial, probabilities_there
        return intercepts, value, probabilities

    def lower_bound(self, weights, intercepts):
        _, value, probabilities = self.best_intercepts(weights, intercepts)
        return value - 0.5 * (self.gradient(weights, probabilities)[0] ** 2).sum()

    def improve(self, weights, intercepts):
        """STEPS steps of L-BFGS, penalised coordinates and others alike."""
        split = weights.size

        def at(point):
            value, probabilities = self.value(point[:split].reshape(weights.shape), point[split:])
            slopes = self.gradient(point[:split].reshape(weights.shape), probabilities)
            return value, np.concatenate([slopes[0].ravel(), slopes[1]])

        found = minimize(at, np.concatenate([weights.ravel(), intercepts]), jac=True, method="L-BFGS-B",
                         options={"maxiter": STEPS, "maxcor": 50, "ftol": 0, "gtol": 0})
        return found.x[:split].reshape(weights.shape), found.x[split:]


def prove(objective, weights, intercepts):
    """J of this top, the largest lower bound found, and the steps that took."""
    intercepts = intercepts + weights @ objective.mean
    ours = least = objective.value(weights, intercepts)[0]
    own = bound = objective.lower_bound(weights, intercepts)
    rounds = 0
    while least - bound > ENOUGH * ours and rounds < MOST:
        weights, intercepts = objective.improve(weights, intercepts)
        least = min(least, objective.value(weights, intercepts)[0])
        bound = max(bound, objective.lower_bound(weights, intercepts))
        rounds += 1
    return ours, own, bound, rounds * STEPS


def top_of(model, classes, dimensions):
    """Weights (classes x dimensions) and intercepts: what feeds the model's last product."""
    graph = onnx.load(model).graph
    constants = {tensor.name: numpy_helper.to_array(tensor).astype(np.float64) for tensor in graph.initializer}
    product = [node for node in graph.node if node.op_type in ("Gemm", "MatMul")][-1]
    arrays = [constants[name] for name in product.input if name in constants]
    if product.op_type == "MatMul":
        add = next(node for node in graph.node if node.op_type == "Add" and product.output[0] in node.input)
        arrays += [constants[name] for name in add.input if name in constants]
    weights = next(array for array in arrays if array.ndim == 2)
    intercepts = next(array for array in arrays if array.size == classes and array.ndim <= 2 and array is not weights)
    return (weights if weights.shape == (classes, dimensions) else weights.T), intercepts.reshape(-1)


def check(name):
    model = peer.WORK / "optimum.onnx"
    if name == "flowers":
        npy = peer.shared("features/flowers-inception2015.f16.npy")
        tsv = peer.shared("features/flowers-inception2015.tsv")
        folder = ""
        peer.topwork("train", "--features", npy, "--names", tsv, "-o", model, "--json")
    else:
        folder = peer.shared(f"data/{name}")
        npy = peer.WORK / f"{name}.npy"
        tsv = npy.with_suffix(".tsv")
        peer.topwork("features", folder, "-o", npy)
        peer.topwork("train", folder, "-o", model, "--json")
    rows, paths, classes = peer.read_features(npy, tsv)
    metrics = json.loads((model.with_suffix(".report") / "metrics.json").read_text())
    strength = float(peer.member(metrics, "strength"))
    predictions = [line for line in peer.read_predictions(model.with_suffix(".report"))
                   if line["part"] in ("training", "validation")]
    index = peer.rows_of(paths, folder, predictions)
    names = sorted(set(classes), key=lambda text: text.encode())
    labels = np.array([names.index(classes[i]) for i in index])
    samples = rows[index].astype(np.float64)

    objective = Objective(samples, labels, len(names), strength)
    ours, own, bound, steps = prove(objective, *top_of(str(model), len(names), samples.shape[1]))
    ok = ours - bound <= LIMIT * ours
    print(f"{name}: C {strength:g}, {len(labels)} samples, J {ours:.9g}, at most {(ours - bound) / ours:.2e} above the minimum "
          f"({(ours - own) / ours:.2e} by its own gradient, {steps} steps of L-BFGS from there), limit {LIMIT}: "
          f"{'OK' if ok else 'short'}", flush=True)
    return ok


def main():
    peer.WORK.mkdir(parents=True, exist_ok=True)
    return 0 if all([check(name) for name in sys.argv[1:] or ("birds", "faces", "caltech101-mini", "flowers")]) else 1


if __name__ == "__main__":
    sys.exit(main())
