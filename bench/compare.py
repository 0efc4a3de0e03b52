#!/usr/bin/env python3
"""topwork's speed as ratios to its peers, all measured in one run on one machine. Parts:

  inception, lite0      the network alone, many at a time and one on all cores, in f32, bf16 and int8, against OpenVINO, ONNX
                        Runtime and TensorFlow (part_network.py)
  birds, caltech, faces from files to features, against Pillow + OpenVINO at their best; int8: int8 against f32; cached: from
                        the cache (part_files.py)
  start, memory         of a whole process (part_process.py)
  cosine                of the features of bf16 and int8 to those of f32 (part_cosine.py)
  top, path, cache      training, and the cache, at scale (part_top.py)
  recipe, classify      what the tutorial did with TensorFlow and Keras (part_tutorial.py)

Each sample of topwork is a whole process, from its start to its end, but for what times itself: the network alone. Peers are
given the better of several ways to run them; of their time, loading Python's modules is not counted. The two run in turns, in
both orders; the median of the good samples counts. Before and after each sample a small program measures the machine itself;
a sample between bad moments, or while other virtual machines took the processors, is thrown away.

Usage: compare [--samples 5] [--hasty] [PART]...; all parts without one, which takes an hour. Prints a table in Markdown, at the end and
what there is after each part; build/bench/compare.json has all samples.
"""

import json
import os
import pathlib
import platform
import sys

import duel
import part_cosine
import part_files
import part_network
import part_process
import part_top
import part_tutorial
import peer

PARTS = {"inception": part_network.inception, "lite0": part_network.lite0, "birds": part_files.birds,
         "caltech": part_files.caltech, "faces": part_files.faces, "int8": part_files.int8, "cached": part_files.cached,
         "start": part_process.start, "memory": part_process.memory, "cosine": part_cosine.cosine,
         "top": part_top.top, "path": part_top.path, "cache": part_top.cache,
         "recipe": part_tutorial.recipe, "classify": part_tutorial.classify}


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def table(rows):
    return peer.table(("what", "topwork", "peer", "ratio", "limit", ""),
                      [(r["what"], r["ours"], r["theirs"], "" if r["ratio"] is None else f"{r['ratio']:.3f}", r["reach"],
                        r["verdict"]) for r in rows])


def main():
    arguments = duel.arguments(__doc__.split("\n")[0], "part", PARTS, 5)
    samples = duel.Samples(arguments.hasty)
    rows = []
    for name in arguments.names or PARTS:
        print(name, file=sys.stderr)
        added = PARTS[name](samples, arguments.samples)
        print(table(added), file=sys.stderr, flush=True)
        rows += added
        (peer.WORK / "compare.json").write_text(json.dumps({"rows": rows, "samples": samples.all}, indent=1))

    thrown = sum(not samples.good(sample) for sample in samples.all)
    print(f"{processor()}, {os.cpu_count()} processors; medians of at least {arguments.samples} good samples; "
          f"{thrown} of {len(samples.all)} samples fell into bad moments.\n")
    print(table(rows))
    for r in rows:
        for note in r["notes"]:
            print(f"\n{r['what']}: {note}.")
    return 0 if all(r["verdict"] != "short" for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
