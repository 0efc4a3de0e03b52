#!/usr/bin/env python3
"""topwork's speed as ratios to its peers, all measured in one run on one machine:

  features   birds, nothing cached, f32, against Pillow + OpenVINO at its best (peer_features.py)
  cached     birds again, all from the cache, against nothing cached
  top        `topwork train` on cached features of caltech101-mini, the path of strengths and everything else
             included, against the fit of scikit-learn's LogisticRegressionCV alone (peer_top.py)
  network    the trunk that ships without pictures, many at a time and one on all cores, against OpenVINO and ONNX
             Runtime (peer_network.py); here each side times itself, so that no start-up counts
  recipe, classify, network-2015: against TensorFlow and Keras, see tutorial.py

Each sample of topwork is a whole process, from its start to its end. Peers are given the better of several ways to
run them; of their time, loading Python's modules is not counted, and is printed. The two run in turns, in both orders;
the median of at least five samples counts. Before and after each sample a small program measures the machine itself;
a sample between bad moments is thrown away.

Usage: run.sh [--samples 5] [PART]...; all parts without one. Prints a table in Markdown; build/bench/compare.json has all samples.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import sys

import numpy as np

from duel import CACHE, HERE, Samples, best_of, median, row, run_alone, without_imports
import peer  # duel says where it is
import tutorial


def features(samples, wanted):
    birds = peer.shared("data/birds")
    out = peer.WORK / "peer-birds.npy"
    script = [sys.executable, HERE / "peer_features.py", birds, out]
    ways = {f"{count} {pool} of Pillow": script + ["--pool", pool, "--workers", count]
            for pool, counts in (("thread", (1, 2, 3, 4)), ("process", range(1, os.cpu_count() + 1))) for count in counts}
    way = best_of(samples, ways, without_imports)
    mine = peer.WORK / "birds.npy"
    kept = samples.duel({"topwork": [peer.TOPWORK, "features", birds, "-o", mine, "--no-cache", "--quiet"],
                         "peer": ways[way]}, wanted)
    difference = float(np.abs(np.sort(np.load(mine), axis=0) - np.sort(np.load(out), axis=0)).max())
    ours, theirs = median(kept["topwork"]), kept["peer"]
    stages = {key: round(statistics.median(s["stages"][key] for s in theirs), 3) for key in theirs[0]["stages"]}
    notes = [f"peer: {way}, stages (median seconds): {json.dumps(stages)}",
             f"to the whole process of the peer {ours / median(theirs):.3f}, "
             f"to it without Python's modules {ours / median(theirs, without_imports):.3f}, "
             f"to its pipeline alone (topwork's start-up still counted) {ours / median(theirs, run_alone):.3f}",
             f"largest difference of sorted features {difference:.1e}"]
    return [row("features of birds, nothing cached, to Pillow + OpenVINO", ours, median(theirs, without_imports), 1.0, notes)]


def cached(samples, wanted):
    birds = peer.shared("data/birds")
    command = [peer.TOPWORK, "features", birds, "-o", peer.WORK / "birds.npy", "--quiet"]
    shutil.rmtree(CACHE, ignore_errors=True)
    peer.topwork(*command[1:], "--cache", CACHE)
    kept = samples.duel({"cold": command + ["--no-cache"], "cached": command + ["--cache", CACHE]}, wanted)
    return [row("features of birds, cached, to nothing cached", median(kept["cached"]), median(kept["cold"]), 0.02, [])]


def top(samples, wanted):
    folder = peer.shared("data/caltech101-mini")
    npy, model = peer.WORK / "caltech.npy", peer.WORK / "caltech.onnx"
    peer.topwork("features", folder, "-o", npy, "--cache", CACHE, "--quiet")
    mine = [peer.TOPWORK, "train", folder, "-o", model, "--cache", CACHE, "--quiet"]
    peer.topwork(*mine[1:])
    rows, paths, classes = peer.read_features(npy, npy.with_suffix(".tsv"))
    used = [line for line in peer.read_predictions(model.with_suffix(".report"))
            if line["part"] in ("training", "validation")]
    chosen = peer.rows_of(paths, folder, used)
    names = sorted(set(classes))
    inputs = [peer.WORK / "peer-rows.npy", peer.WORK / "peer-labels.npy"]
    np.save(inputs[0], rows[chosen])
    np.save(inputs[1], np.array([names.index(classes[i]) for i in chosen]))
    ways = {f"n_jobs={jobs}": [sys.executable, HERE / "peer_top.py", *inputs, "--jobs", jobs]
            for jobs in range(1, os.cpu_count() + 1)}

    def fit(sample):
        return sample["stages"]["seconds"]

    way = best_of(samples, ways, fit)
    kept = samples.duel({"topwork": mine, "peer": ways[way]}, wanted)
    said = kept["peer"][0]["stages"]
    notes = [f"{len(chosen)} rows; peer: {way}, BLAS {said['blas']}, at most {said['iterations']} iterations"]
    return [row("top of caltech101-mini, path included, to LogisticRegressionCV", median(kept["topwork"]),
                median(kept["peer"], fit), 1 / 3, notes)]


def network(samples, wanted):
    trunk = peer.TRUNK / "efficientnet-lite0.onnx"
    peers = {"OpenVINO": "openvino", "ONNX Runtime": "onnxruntime"}
    commands = {name: [sys.executable, HERE / "peer_network.py", word, trunk] for name, word in peers.items()}
    return tutorial.network_rows(samples, wanted, [peer.TOPWORK, "bench", "--json"], commands, "network", 0.90)


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    parts = {"features": features, "cached": cached, "top": top, "network": network, "recipe": tutorial.recipe,
             "classify": tutorial.classify, "network-2015": tutorial.network_2015}
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=[])
    arguments = parser.parse_args()
    peer.WORK.mkdir(parents=True, exist_ok=True)
    samples = Samples()
    rows = []
    for name in arguments.parts or parts:
        print(name, file=sys.stderr)
        rows += parts[name](samples, arguments.samples)

    thrown = sum(not samples.good(sample) for sample in samples.all)
    print(f"{processor()}, {os.cpu_count()} processors; median of {arguments.samples} good samples, "
          f"{thrown} of {len(samples.all)} fell into bad moments.\n")
    print(peer.table(("what", "topwork", "peer", "ratio", "to reach", ""),
                     [(r["what"], f"{r['ours']:.4g} s", f"{r['theirs']:.4g} s", f"{r['ratio']:.3f}",
                       "" if r["reach"] is None else f"{r['reach']:.2f}", r["verdict"]) for r in rows]))
    for r in rows:
        for note in r["notes"]:
            print(f"\n{r['what']}: {note}.")
    (peer.WORK / "compare.json").write_text(json.dumps({"rows": rows, "samples": samples.all}, indent=1))
    return 0 if all(r["verdict"] != "short" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
