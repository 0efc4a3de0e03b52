#!/usr/bin/env python3
"""topwork's test accuracy against scikit-learn's on the same features and the same parts.

Pictures (birds, faces, caltech101-mini), seeds 0..4: scikit-learn takes the strength C with the lowest log loss on
the validation part, is fitted again on training + validation, and is tested on the test part of predictions.csv.
Flowers (features computed elsewhere), five folds: scikit-learn with its best C by accuracy on the very folds.

Usage: check_accuracy.py [--seeds 5] [birds|faces|caltech101-mini|flowers]...
"""

import argparse
import json
import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

import peer

LEAST = {"birds": 0.99, "faces": 0.90, "caltech101-mini": 0.88, "flowers": None}
MARGIN = {"birds": 0.5, "faces": 0.5, "caltech101-mini": 0.5, "flowers": 0.3}
COARSE = 10.0 ** np.arange(-3.5, 1.6, 0.5)
FOLD_STRENGTHS = 10.0 ** np.arange(-3.5, -0.4, 0.5)


def model_of(strength):
    return LogisticRegression(C=strength, max_iter=2000, tol=1e-4, warm_start=True)


def fit(model, rows, labels):
    """Fits, starting from where the model is; not converging is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        return model.fit(rows, labels)


def best_by_log_loss(train, validation):
    """The strength with the lowest log loss: half decades until it has risen twice, then the quarters beside the best."""
    def loss(model, strength):
        model.set_params(C=strength)
        fit(model, *train)
        return log_loss(validation[1], model.predict_proba(validation[0]), labels=model.classes_)

    model, losses = model_of(COARSE[0]), {}
    for strength in COARSE:
        losses[strength] = loss(model, strength)
        tried = list(losses.values())
        if len(tried) > 2 and tried[-1] > tried[-2] > tried[-3]:
            break
    best = min(losses, key=losses.get)
    for strength in (best * 10 ** 0.25, best * 10 ** -0.25):
        losses[strength] = loss(model, strength)
    return min(losses, key=losses.get)


def one_seed(folder, features, seed):
    """Accuracy of topwork, of scikit-learn, and the latter's strength."""
    rows, paths, classes = features
    model = peer.WORK / "accuracy.onnx"
    result = json.loads(peer.topwork("train", folder, "-o", model, "--seed", seed, "--json"))
    predictions = peer.read_predictions(model.with_suffix(".report"))
    index = np.array(peer.rows_of(paths, folder, predictions))
    labels = np.array(classes)[index]
    assert all(label == line["label"] for label, line in zip(labels, predictions))
    part = np.array([line["part"] for line in predictions])

    def select(*names):
        chosen = np.isin(part, names)
        return rows[index[chosen]], labels[chosen]

    training, validation, test = "training", "validation", "test"
    assert {training, test} <= set(part), set(part)
    strength = best_by_log_loss(select(training), select(validation))
    theirs = fit(model_of(strength), *select(training, validation)).score(*select(test))
    ours = peer.member(result, "test.accuracy")
    counted = np.mean([line["prediction"] == line["label"] for line in predictions if line["part"] == test])
    assert abs(ours - counted) < 1e-9, (ours, counted)
    return ours, theirs, strength


def pictures(name, seeds):
    folder = peer.shared(f"data/{name}")
    npy = peer.WORK / f"{name}.npy"
    peer.topwork("features", folder, "-o", npy)
    features = peer.read_features(npy, npy.with_suffix(".tsv"))
    return [one_seed(folder, features, seed) for seed in range(seeds)]


def flowers(seeds):
    npy = peer.shared("features/flowers-inception2015.f16.npy")
    tsv = peer.shared("features/flowers-inception2015.tsv")
    rows, paths, classes = peer.read_features(npy, tsv)
    results = []
    for seed in range(seeds):
        model = peer.WORK / "flowers.onnx"
        result = json.loads(peer.topwork("train", "--features", npy, "--names", tsv, "-o", model, "--folds", 5, "--seed",
                                         seed, "--json"))
        predictions = peer.read_predictions(model.with_suffix(".report"))
        folds = sorted({line["part"] for line in predictions if line["part"].startswith("fold")})
        assert len(folds) == 5, folds
        predictions = [line for line in predictions if line["part"] in folds]
        index = np.array(peer.rows_of(paths, "", predictions))
        labels, part = np.array(classes)[index], np.array([line["part"] for line in predictions])
        right = np.array([line["prediction"] == line["label"] for line in predictions])
        ours = float(np.mean([right[part == fold].mean() for fold in folds]))
        assert abs(ours - peer.member(result, "test.fold_mean")) < 1e-9, (ours, result["test"])
        scores = np.zeros(len(FOLD_STRENGTHS))
        for fold in folds:
            peers, test = model_of(1), part == fold
            for i, strength in enumerate(FOLD_STRENGTHS):
                fit(peers.set_params(C=strength), rows[index[~test]], labels[~test])
                scores[i] += peers.score(rows[index[test]], labels[test]) / len(folds)
        results.append((ours, float(scores.max()), FOLD_STRENGTHS[int(np.argmax(scores))]))
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("sets", nargs="*", default=list(LEAST))
    arguments = parser.parse_args()
    peer.WORK.mkdir(parents=True, exist_ok=True)
    lines, record, short = [], {}, False
    for name in arguments.sets:
        results = flowers(arguments.seeds) if name == "flowers" else pictures(name, arguments.seeds)
        ours, theirs = (float(np.mean([result[i] for result in results])) for i in (0, 1))
        difference = 100 * (ours - theirs)
        ok = difference >= -MARGIN[name] - 1e-9 and (LEAST[name] is None or ours >= LEAST[name])
        short = short or not ok
        record[name] = {"ours": ours, "theirs": theirs, "points": difference, "seeds": results, "ok": ok}
        lines.append((name, f"{ours:.4f}", f"{theirs:.4f}", f"{difference:+.2f}", f"-{MARGIN[name]}", LEAST[name] or "",
                      " ".join(f"{result[0]:.3f}/{result[1]:.3f}" for result in results), "OK" if ok else "short"))
    print(peer.table(("data", "topwork", "scikit-learn", "points", "at least", "topwork at least", "each seed", ""), lines))
    (peer.WORK / "accuracy.json").write_text(json.dumps(record, indent=1, default=float))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
