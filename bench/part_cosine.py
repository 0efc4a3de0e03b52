"""The part of compare.py about what bfloat16 and 8-bit integers do to features: their cosine to those of f32, on every second
picture of birds, calibrated on the others. (Accuracy: tests/peers/check_precision.py.) Not a program.
"""

import shutil

import numpy as np

import duel
import part_network
import peer

LEAST = {"inception": (0.997, 0.994), "lite0": (0.990, 0.975)}  # mean, worst


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


def compare(trunk, precision, plain, seen, unseen):
    what = f"{part_network.NAMES[trunk]}, cosine of features to f32, {precision}"
    why = part_network.why_not(precision)
    if why is not None:
        return [duel.row_left_out(what, why)]
    cache = peer.WORK / "cosine-cache"
    shutil.rmtree(cache, ignore_errors=True)
    features(seen, trunk, "--precision", precision, "--cache", cache)
    other = features(unseen, trunk, "--precision", precision, "--cache", cache)
    shutil.rmtree(cache)
    cosines = (plain * other).sum(1) / np.sqrt((plain ** 2).sum(1) * (other ** 2).sum(1))
    return [duel.row_least(f"{what}, {name} of {len(cosines)} unseen", value, least)
            for name, value, least in zip(("mean", "worst"), (cosines.mean(), cosines.min()), LEAST[trunk])]


def cosine(samples, wanted):
    seen, unseen = halves()
    rows = []
    for trunk in LEAST:
        plain = features(unseen, trunk, "--no-cache")
        for precision in part_network.possible(("bf16", "int8")):
            rows += compare(trunk, precision, plain, seen, unseen)
    return rows
