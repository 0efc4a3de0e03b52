#!/usr/bin/env python3
"""The exact top against the tutorial's recipe on the genuine Inception features of flowers: test accuracy and log loss of five
folds, the very same folds for all.

Folds are those of `topwork train --folds 5 --seed S`. The recipe is trained by `topwork train --solver ...` on the rows of the
other four folds (all of them, so the weights of its last epoch count) and its model file is asked by ONNX Runtime about the
fifth. --watch F lets it keep a share F of its rows to watch instead, and the weights with the lowest loss there.

Usage: check_recipe.py [--seeds 5] [--epochs 200] [--watch 0] [sgd|momentum|adam]... (sgd and adam without one).
Fails when the exact top's mean accuracy is more than 0.5 points below a recipe's, or its mean log loss above it.
"""

import argparse
import json
import sys

import numpy as np
import onnx
import onnxruntime

import peer

FOLDS = 5
POINTS = 0.5
SOLVERS = ("sgd", "momentum", "adam")
CLIP = 1e-15  # of probabilities in a log loss, as topwork's


class Flowers:
    """Rows of features with their classes, on disk and in memory."""

    def __init__(self):
        self.npy = peer.shared("features/flowers-inception2015.f16.npy")
        self.tsv = peer.shared("features/flowers-inception2015.tsv")
        self.rows, self.paths, self.classes = peer.read_features(self.npy, self.tsv)
        self.stored = np.load(self.npy)
        self.names = sorted(set(self.classes))
        self.labels = np.array([self.names.index(name) for name in self.classes])

    def save(self, index, name):
        """Some rows as a pair of files for --features and --names."""
        npy, tsv = (peer.WORK / f"{name}.{end}" for end in ("npy", "tsv"))
        np.save(npy, self.stored[index])
        lines = self.tsv.read_text().split("\n")
        tsv.write_text("\n".join([lines[0], *(lines[1 + i] for i in index)]) + "\n")
        return ["--features", npy, "--names", tsv]


def exact(flowers, seed):
    """Accuracy (mean of the folds) and log loss of the exact top, and [(rows outside, rows inside)] of each fold."""
    model = peer.WORK / "recipe-exact.onnx"
    result = json.loads(peer.topwork("train", "--features", flowers.npy, "--names", flowers.tsv, "-o", model, "--folds", FOLDS,
                                     "--seed", seed, "--json"))
    predictions = [line for line in peer.read_predictions(model.with_suffix(".report")) if line["part"].startswith("fold")]
    index = np.array(peer.rows_of(flowers.paths, "", predictions))
    part = np.array([line["part"] for line in predictions])
    folds = sorted(set(part))
    assert len(folds) == FOLDS, folds
    return (peer.member(result, "test.fold_mean"), peer.member(result, "test.log_loss"),
            [(index[part != fold], index[part == fold]) for fold in folds])


def probabilities(model, flowers, index):
    """What a model file says of these rows, columns in the order of flowers.names."""
    labels = json.loads(next(entry.value for entry in onnx.load(model).metadata_props if entry.key == "topwork.labels"))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: flowers.rows[index]}
    return session.run(["probabilities"], given)[0][:, [labels.index(name) for name in flowers.names]]


def recipe(flowers, folds, solver, seed, arguments):
    """Accuracy (mean of the folds) and log loss (over all rows) of the recipe on given folds."""
    accuracies, losses = [], []
    for outside, inside in folds:
        model = peer.WORK / "recipe-fold.onnx"
        peer.topwork("train", *flowers.save(outside, "recipe-fold"), "-o", model, "--solver", solver, "--epochs",
                     arguments.epochs, "--val", arguments.watch, "--test", 0, "--seed", seed, "--quiet")
        said, labels = probabilities(model, flowers, inside), flowers.labels[inside]
        accuracies.append(float((said.argmax(axis=1) == labels).mean()))
        losses.append(-np.log(np.maximum(said[np.arange(len(labels)), labels], CLIP)))
    return float(np.mean(accuracies)), float(np.concatenate(losses).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--watch", type=float, default=0)
    parser.add_argument("solvers", nargs="*", choices=[*SOLVERS, []], default=[])
    arguments = parser.parse_args()
    solvers = arguments.solvers or ["sgd", "adam"]
    peer.WORK.mkdir(parents=True, exist_ok=True)
    flowers, results = Flowers(), {name: [] for name in ("exact", *solvers)}
    for seed in range(arguments.seeds):
        accuracy, loss, folds = exact(flowers, seed)
        results["exact"].append((accuracy, loss))
        for solver in solvers:
            results[solver].append(recipe(flowers, folds, solver, seed, arguments))
        print(f"seed {seed}: " + ", ".join(f"{name} {values[-1][0]:.4f} / {values[-1][1]:.4f}"
                                          for name, values in results.items()), file=sys.stderr, flush=True)

    means = {name: np.mean(values, axis=0) for name, values in results.items()}
    lines, short = [], False
    for name, (accuracy, loss) in means.items():
        points, more = 100 * (means["exact"][0] - accuracy), means["exact"][1] - loss
        ok = points >= -POINTS - 1e-9 and more <= 0
        short = short or not ok
        lines.append((name, f"{accuracy:.4f}", f"{loss:.4f}", f"{points:+.2f}", f"{more:+.4f}",
                      " ".join(f"{a:.3f}/{b:.3f}" for a, b in results[name]), "OK" if ok else "short"))
    print(f"flowers, {FOLDS} folds, {arguments.epochs} epochs; at least -{POINTS} points, at most +0 of log loss:\n")
    print(peer.table(("top", "accuracy", "log loss", "exact's points above", "exact's loss above", "each seed", ""), lines))
    (peer.WORK / "recipe.json").write_text(json.dumps(results, indent=1))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
