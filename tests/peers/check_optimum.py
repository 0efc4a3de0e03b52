#!/usr/bin/env python3
"""J of topwork's top against J of scikit-learn's (float64, tol 1e-10, max_iter 20000) at the same strength C.

J = C * sum of cross-entropies + half the squared weights, intercept free. The strength is read from metrics.json, the
weights from the model, the samples (training + validation) from predictions.csv. Fails when topwork's J is more than
1e-5 higher, relatively. Usage: check_optimum.py [birds|faces|caltech101-mini|flowers]...
"""

import json
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

import peer

LIMIT = 1e-5


def objective(rows, labels, weights, intercepts, strength):
    scores = rows @ weights.T + intercepts
    cross_entropy = logsumexp(scores, axis=1) - scores[np.arange(len(labels)), labels]
    return strength * cross_entropy.sum() + 0.5 * (weights ** 2).sum()


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

    ours = objective(samples, labels, *top_of(str(model), len(names), samples.shape[1]), strength)
    # With two classes scikit-learn fits one vector, the difference d of the two; their optimum is -d/2 and d/2, whose
    # penalty is half of d's: hence the double strength.
    two = len(names) == 2
    peers = LogisticRegression(C=strength * (2 if two else 1), tol=1e-10, max_iter=20000).fit(samples, labels)
    weights, intercepts = peers.coef_, peers.intercept_
    if two:
        weights, intercepts = np.vstack([-weights, weights]) / 2, np.concatenate([-intercepts, intercepts]) / 2
    theirs = objective(samples, labels, weights, intercepts, strength)
    excess = (ours - theirs) / theirs
    ok = excess <= LIMIT
    print(f"{name}: C {strength:g}, {len(labels)} samples, J {ours:.9g}, scikit-learn {theirs:.9g}, "
          f"excess {excess:+.2e}, limit {LIMIT}: {'OK' if ok else 'short'}", flush=True)
    return ok


def main():
    peer.WORK.mkdir(parents=True, exist_ok=True)
    return 0 if all([check(name) for name in sys.argv[1:] or ("birds", "faces", "flowers")]) else 1


if __name__ == "__main__":
    sys.exit(main())
