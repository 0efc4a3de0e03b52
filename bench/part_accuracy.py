"""The parts of compare.py about what bfloat16 and 8-bit integers cost in quality. Not a program.

  accuracy  of tops trained on the features of each precision: the mean of five seeds to that of f32, with the same parts
  cosine    of features to those of f32, on every second picture of birds, calibrated on the others
"""

import shutil
import statistics

import json

import numpy as np

import duel
import part_network
import peer

SEEDS = 5
MOST_POINTS = 0.5
LEAST_COSINE = {"inception": (0.997, 0.994), "lite0": (0.990, 0.975)}  # mean, worst
FOLDERS = ("birds", "faces", "caltech101-mini")


def test_accuracy(folder, precision, seed):
    model = peer.WORK / "accuracy.onnx"
    said = peer.topwork("train", peer.shared(f"data/{folder}"), "-o", model, "--json", "--quiet", "--seed", seed,
                        "--cache", duel.CACHE, *(["--precision", precision] if precision != "f32" else []))
    return json.loads(said)["test"]["accuracy"]


def accuracy(samples, wanted):
    rows = []
    for folder in FOLDERS:
        means = {}
        for precision in part_network.possible(part_network.PRECISIONS):
            what = f"{folder}, test accuracy, {precision}, mean of {SEEDS} seeds, to f32"
            why = part_network.why_not(precision)
            if why is not None:
                rows.append(duel.row_left_out(what, why))
                continue
            means[precision] = 100 * statistics.mean(test_accuracy(folder, precision, seed) for seed in range(SEEDS))
            if precision != "f32":
                rows.append(duel.row_points(what, means[precision], means["f32"], MOST_POINTS))
    return rows


def halves():
    """Every second picture of birds, as two folders of links: to calibrate on, and to check."""
    folder = peer.WORK / "halves"
    shutil.rmtree(folder, ignore_errors=True)
    files = [path for path in sorted(peer.shared("data/birds").rglob("*")) if path.is_file()]
    for index, path in enumerate(files):
        link = folder / ("seen", "unseen")[index % 2] / path.parent.name / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    return folder / "seen", folder / "unseen"


def features(folder, trunk, *more):
    out = peer.WORK / "cosine.npy"
    peer.topwork("features", folder, "-o", out, "--quiet", *part_network.trunk_options(trunk), *more)
    return np.load(out).astype(np.float64)


def cosine(samples, wanted):
    rows = []
    seen, unseen = halves()
    cache = peer.WORK / "cosine-cache"
    for trunk in LEAST_COSINE:
        plain = features(unseen, trunk, "--no-cache")
        for precision in part_network.possible(["bf16", "int8"]):
            what = f"{part_network.NAMES[trunk]}, cosine of features to f32, {precision}"
            why = part_network.why_not(precision)
            if why is not None:
                rows.append(duel.row_left_out(what, why))
                continue
            shutil.rmtree(cache, ignore_errors=True)
            features(seen, trunk, "--precision", precision, "--cache", cache)
            other = features(unseen, trunk, "--precision", precision, "--cache", cache)
            cosines = (plain * other).sum(1) / np.sqrt((plain ** 2).sum(1) * (other ** 2).sum(1))
            for name, value, least in zip(("mean", "worst"), (cosines.mean(), cosines.min()), LEAST_COSINE[trunk]):
                rows.append(duel.row_least(f"{what}, {name} of {len(cosines)} unseen", value, least))
    shutil.rmtree(cache, ignore_errors=True)
    return rows
