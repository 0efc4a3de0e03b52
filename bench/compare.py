#!/usr/bin/env python3
"""topwork's speed as ratios to its peers, all measured in one run on one machine:

  features   birds, nothing cached, f32, against Pillow + OpenVINO at its best (peer_features.py)
  cached     birds again, all from the cache, against nothing cached
  top        `topwork train` on cached features of caltech101-mini, the path of strengths and everything else
             included, against the fit of scikit-learn's LogisticRegressionCV alone (peer_top.py)
  network    the trunk that ships without pictures, many at a time and one on all cores, against OpenVINO and ONNX
             Runtime (peer_network.py); here each side times itself, so that no start-up counts

Each sample of topwork is a whole process, from its start to its end. Peers are given the better of several ways to
run them; of their time, loading Python's modules is not counted, and is printed. The two run in turns, in both orders;
the median of at least five samples counts. Before and after each sample a small program measures the machine itself;
a sample between bad moments is thrown away.

Usage: run.sh [--samples 5] [features] [cached] [top] [network]. Prints a table in Markdown; build/bench/compare.json has all samples.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/peers"))
import numpy as np  # noqa: E402

import peer  # noqa: E402

BAD_MOMENT = 1.15  # a probe this much slower than the fastest of the run
CACHE = peer.WORK / "cache"


class Samples:
    """Takes samples of commands, each between two probes of the machine."""

    def __init__(self):
        self.program = peer.WORK / "probe"
        subprocess.run(["cc", "-O2", str(HERE / "probe.c"), "-o", str(self.program), "-pthread"], check=True)
        self.fastest = [float("inf"), float("inf")]
        self.last = None
        self.all = []

    def probe(self):
        times = [float(word) for word in subprocess.run([self.program], stdout=subprocess.PIPE, check=True).stdout.split()]
        self.fastest = [min(pair) for pair in zip(self.fastest, times)]
        return times

    def take(self, name, command):
        """One sample; its place in `all` is returned, since whether it is good is only known at the end."""
        before = self.last or self.probe()
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        begun = time.perf_counter()
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment)
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stderr.decode()}")
        self.last = self.probe()
        stages = json.loads(done.stdout) if done.stdout.startswith(b"{") else {}
        sample = {"name": name, "seconds": seconds, "probes": [before, self.last], "stages": stages}
        self.all.append(sample)
        print(f"  {name}: {seconds:.3f} s {json.dumps(stages) if stages else ''}", file=sys.stderr, flush=True)
        return sample

    def good(self, sample):
        return all(time <= BAD_MOMENT * best for probe in sample["probes"] for time, best in zip(probe, self.fastest))

    def duel(self, commands, wanted):
        """Runs the named commands in turns, both orders, until each has `wanted` good samples; {name: good samples}."""
        first = len(self.all)
        names = list(commands)
        for turn in range(4 * wanted):
            for name in names if turn % 2 == 0 else reversed(names):
                self.take(name, commands[name])
            kept = {name: [s for s in self.all[first:] if s["name"] == name and self.good(s)] for name in names}
            if min(map(len, kept.values())) >= wanted:
                return kept
        print("  the machine was never quiet for long enough: all samples are used", file=sys.stderr)
        return {name: [s for s in self.all[first:] if s["name"] == name] for name in names}


def median(samples, seconds=lambda sample: sample["seconds"]):
    return statistics.median(map(seconds, samples))


def best_of(samples, commands, seconds):
    """The name of the fastest of some ways to run a peer, two samples each."""
    times = {name: min(seconds(samples.take(f"peer, {name}", command)) for _ in range(2))
             for name, command in commands.items()}
    return min(times, key=times.get)


def without_imports(sample):
    return sample["seconds"] - sample["stages"]["imports"]


def run_alone(sample):
    return sample["stages"]["run"]


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
    kept = samples.duel({"topwork": [peer.TOPWORK, "bench", "--json"]} | commands, wanted)
    rows = []
    for how, mine, theirs, reach in (
            ("many at a time", lambda s: 1 / s["stages"]["pictures_per_second"], "many", 0.90),
            ("one on all cores", lambda s: s["stages"]["network_seconds_all_cores"], "one", 0.90)):
        for name in peers:
            rows.append(row(f"network, a picture, {how}, to {name}", median(kept["topwork"], mine),
                            median(kept[name], lambda s: s["stages"][theirs]), reach, []))
    return rows


def row(what, ours, theirs, reach, notes):
    ratio = ours / theirs
    return {"what": what, "ours": ours, "theirs": theirs, "ratio": ratio, "reach": reach,
            "verdict": "OK" if ratio <= reach else "short", "notes": notes}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def main():
    parts = {"features": features, "cached": cached, "top": top, "network": network}
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
                     [(r["what"], f"{r['ours']:.4g} s", f"{r['theirs']:.4g} s", f"{r['ratio']:.3f}", f"{r['reach']:.2f}",
                       r["verdict"]) for r in rows]))
    for r in rows:
        for note in r["notes"]:
            print(f"\n{r['what']}: {note}.")
    (peer.WORK / "compare.json").write_text(json.dumps({"rows": rows, "samples": samples.all}, indent=1))
    return 0 if all(r["verdict"] == "OK" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
