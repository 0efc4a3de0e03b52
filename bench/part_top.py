"""The parts of compare.py about training a top, and about the cache at scale. Not a program.

  top    `topwork train` on cached features of caltech101-mini, path of strengths and everything else included, against the
         fit of scikit-learn's LogisticRegressionCV alone, its own ten strengths and five folds
  path   the path of strengths on some 18,000 training rows of 2048 synthetic features in 257 classes, chosen on a validation
         part, and the last fit on both, against the same by scikit-learn with the same strengths. Minutes; one sample
  cache  100,000 rows of 2048 features: opening the cache and reading every row
"""

import os
import shutil
import subprocess
import sys

import numpy as np

import duel
import peer

CACHED_ROWS, CACHED_FEATURES = 100000, 2048
PARTS = ("training", "validation", "test")


def fit_alone(sample):
    return sample["stages"]["seconds"]


def peer_command(*arguments):
    return [sys.executable, duel.HERE / "peer_top.py", *arguments]


def top(samples, wanted):
    folder = peer.shared("data/caltech101-mini")
    npy, model = peer.WORK / "caltech.npy", peer.WORK / "caltech.onnx"
    peer.topwork("features", folder, "-o", npy, "--cache", duel.CACHE, "--quiet")
    mine = [peer.TOPWORK, "train", folder, "-o", model, "--cache", duel.CACHE, "--quiet"]
    peer.topwork(*mine[1:])
    rows, paths, classes = peer.read_features(npy, npy.with_suffix(".tsv"))
    used = [line for line in peer.read_predictions(model.with_suffix(".report"))
            if line["part"] in ("training", "validation")]
    chosen = peer.rows_of(paths, folder, used)
    names = sorted(set(classes))
    inputs = [peer.WORK / "peer-rows.npy", peer.WORK / "peer-labels.npy"]
    np.save(inputs[0], rows[chosen])
    np.save(inputs[1], np.array([names.index(classes[i]) for i in chosen]))
    ways = {f"n_jobs={jobs}": peer_command(*inputs, "--jobs", jobs) for jobs in range(1, os.cpu_count() + 1)}
    way = duel.best_of(samples, ways, fit_alone)
    kept = samples.duel({"topwork": mine, "peer": ways[way]}, wanted)
    said = kept["peer"][0]["stages"]
    notes = [f"{len(chosen)} rows; peer: {way}, BLAS {said['blas']}, at most {said['iterations']} iterations"]
    return [duel.row("top of caltech101-mini, path included, to LogisticRegressionCV", duel.median(kept["topwork"]),
                     duel.median(kept["peer"], fit_alone), 1 / 3, notes)]


def synthetic():
    """The synthetic features and their names, made when they are not there."""
    folder = peer.WORK / "synthetic"
    if not (folder / "synthetic.tsv").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, peer.ROOT / "docs/tutorial/synthetic.py"], check=True, cwd=folder)
    return folder / "synthetic.npy", folder / "synthetic.tsv"


def save_parts(npy, tsv, report):
    """Labels and parts of all rows as bench_top takes them, and a row as it is in neither part."""
    _, paths, classes = peer.read_features(npy, tsv)
    names = sorted(set(classes))
    predictions = peer.read_predictions(report)
    parts = np.full(len(paths), len(PARTS), np.uint8)
    for row, line in zip(peer.rows_of(paths, "", predictions), predictions):
        parts[row] = PARTS.index(line["part"])
    files = [peer.WORK / "synthetic-labels.i32", peer.WORK / "synthetic-parts.u8"]
    np.array([names.index(name) for name in classes], "<i4").tofile(files[0])
    parts.tofile(files[1])
    return files, parts


def path(samples, wanted):
    npy, tsv = synthetic()
    model = peer.WORK / "synthetic.onnx"
    whole = samples.take("topwork train", [peer.TOPWORK, "train", "--features", npy, "--names", tsv, "-o", model, "--quiet"])
    files, parts = save_parts(npy, tsv, model.with_suffix(".report"))
    mine = [duel.PROGRAMS / "bench_top", npy, *files, 0]
    kept = samples.duel({"topwork": mine}, min(wanted, 3))["topwork"]
    strengths = [point[0] for point in kept[0]["stages"]["path"]]
    theirs = samples.take("peer", peer_command(npy, files[0], "--parts", files[1], "--strengths", *strengths))
    said = theirs["stages"]
    ours = duel.median(kept, fit_alone)
    what = f"path, {(parts == 0).sum()} x 2048 x 257, {len(strengths)} strengths"
    notes = [f"the last fit is on {(parts <= 1).sum()} rows; topwork chose {kept[0]['stages']['strength']:.3g}, test accuracy "
             f"{kept[0]['stages']['test']:.4f}; scikit-learn {said['strength']:.3g}, BLAS {said['blas']}, at most "
             f"{said['iterations']} iterations; `topwork train`, report and everything, {whole['seconds']:.1f} s, "
             f"{whole['peak'] / 1e6:.0f} MB"]
    return [duel.row_alone(what, ours, 60, "s", notes),
            duel.row(f"{what}, to LogisticRegressionCV", ours, fit_alone(theirs), 1 / 5)]


def cache(samples, wanted):
    folder = peer.WORK / "cache-at-scale"
    arguments = [folder, CACHED_ROWS, CACHED_FEATURES]
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([str(word) for word in (duel.PROGRAMS / "bench_cache", "fill", *arguments)], check=True)
    kept = samples.duel({"topwork": [duel.PROGRAMS / "bench_cache", "read", *arguments]}, wanted)["topwork"]
    shutil.rmtree(folder)
    assert all(sample["stages"]["rows"] == CACHED_ROWS for sample in kept)
    opened, passed = (duel.median(kept, lambda s: s["stages"][key]) for key in ("open", "pass"))
    return [duel.row_alone(f"cache of {CACHED_ROWS} rows of {CACHED_FEATURES}, opened and every row read", opened + passed, 2, "s",
                           [f"{opened:.3f} s to open"])]
