#!/usr/bin/env python3
"""How topwork's cost grows, a table each:

  cores     network, files to features of birds, and training, on one core and on more
  sizes     stages of pictures of 256 to 4096 pixels a side, one core (birds, scaled; JPEG, quality 90)
  pictures  files to features, nothing cached, of more and more of caltech101-mini: time and memory
  rows      training on more and more rows of 2048 synthetic features in 257 classes: time and memory
  classes   training on 10,000 such rows in more and more classes

Medians of good samples as in compare.py, settings in turns. Usage: grow [--samples 3] [--hasty] [TABLE]... Prints Markdown.
"""

import os
import shutil
import sys

import numpy as np
from PIL import Image

import duel
import part_top
import peer

SIDES = (256, 512, 1024, 2048, 4096)
PICTURES_A_SIZE = 24
COUNTS = (125, 250, 500, 1000, 2020)
ROWS = (2500, 5000, 10000, 20000, 30607)
CLASSES = (10, 50, 100, 257)


def bench(*arguments):
    return [peer.TOPWORK, "bench", "--json", "--quiet", "--precision", "f32", *arguments]


def network_of(sample):
    return sample["stages"]["precisions"][0]


def cores(samples, wanted):
    counts = range(1, os.cpu_count() + 1)
    npy, tsv = part_top.synthetic()
    small = subset("cores", *load(npy, tsv), 10000)
    whole = samples.duel({count: bench(peer.shared("data/birds"), "--threads", count) for count in counts}, wanted)
    tops = samples.duel({count: train(small, "--threads", count) for count in counts}, wanted)
    lines = []
    for count in counts:
        def median(value):
            return duel.median(whole[count], value)

        lines.append((count, f"{1e3 * median(lambda s: network_of(s)['network_seconds_many']):.2f}",
                      f"{1e3 * median(lambda s: network_of(s)['network_seconds_all_cores']):.2f}",
                      f"{1e3 * median(lambda s: network_of(s)['folder']['seconds']):.2f}", f"{duel.median(tops[count]):.2f}"))
    return peer.table(("cores", "network, ms a picture, many at a time", "one picture, ms", "files to features, ms a picture",
                       "training on 10,000 x 2048 in 257 classes, s"), lines)


def sizes(samples, wanted):
    folder = peer.WORK / "sizes"
    files = peer.pictures_in(peer.shared("data/birds"))[:PICTURES_A_SIZE]
    shutil.rmtree(folder, ignore_errors=True)
    for side in SIDES:
        (folder / str(side)).mkdir(parents=True)
        for index, path in enumerate(files):
            picture = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
            picture.save(folder / str(side) / f"{index}.jpg", quality=90)
    kept = samples.duel({side: bench(folder / str(side)) for side in SIDES}, wanted)
    shutil.rmtree(folder)
    lines = []
    for side in SIDES:
        stages = [1e3 * duel.median(kept[side], lambda s: s["stages"]["folder"][name]["cpu_seconds"])
                  for name in ("read", "decode", "resize")]
        network = 1e3 * duel.median(kept[side], lambda s: network_of(s)["folder"]["network"]["cpu_seconds"])
        rate = duel.median(kept[side], lambda s: network_of(s)["folder"]["pictures_per_second"])
        lines.append((f"{side} x {side}", *(f"{value:.2f}" for value in (*stages, network)), f"{rate:.0f}"))
    return peer.table(("pixels", "read, CPU ms", "decode", "resize", "network", "pictures a second, all cores"), lines)


def pictures(samples, wanted):
    files = peer.pictures_in(peer.shared("data/caltech101-mini"))
    folder = peer.WORK / "growing"
    commands = {}
    shutil.rmtree(folder, ignore_errors=True)
    for count in COUNTS:
        for path in np.random.default_rng(0).permutation(files)[:count]:
            link = folder / str(count) / "all" / os.path.relpath(path, peer.SHARED).replace("/", "-")
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.abspath(path))
        commands[count] = [peer.TOPWORK, "features", folder / str(count), "-o", peer.WORK / "growing.npy", "--no-cache", "--quiet"]
    return grown("pictures", samples.duel(commands, wanted))


def load(npy, tsv):
    rows, paths, classes = peer.read_features(npy, tsv)
    return rows.astype(np.float16), paths, classes


def subset(name, rows, paths, classes, count, most_classes=None):
    """So many of the rows, at random; classes are put together until there are no more than most_classes."""
    chosen = np.sort(np.random.default_rng(0).permutation(len(rows))[:count])
    files = peer.WORK / f"grow-{name}.npy", peer.WORK / f"grow-{name}.tsv"
    np.save(files[0], rows[chosen])
    numbers = {label: index for index, label in enumerate(sorted(set(classes)))}
    with open(files[1], "w") as out:
        out.write("path\tclass\n")
        for i in chosen:
            out.write(f"{paths[i]}\t{numbers[classes[i]] % (most_classes or len(numbers))}\n")
    return files


def train(files, *more):
    return [peer.TOPWORK, "train", "--features", files[0], "--names", files[1], "-o", peer.WORK / "grow.onnx", "--quiet", *more]


def rows(samples, wanted):
    data = load(*part_top.synthetic())
    return grown("rows", samples.duel({count: train(subset(f"{count}-rows", *data, count)) for count in ROWS}, wanted))


def classes(samples, wanted):
    data = load(*part_top.synthetic())
    commands = {count: train(subset(f"{count}-classes", *data, 10000, count)) for count in CLASSES}
    return grown("classes", samples.duel(commands, wanted))


def grown(what, kept):
    lines = [(count, f"{duel.median(some):.2f}", f"{1e3 * duel.median(some) / count:.2f}",
              f"{duel.median(some, lambda s: s['peak']) / 1e6:.0f}") for count, some in kept.items()]
    return peer.table((what, "seconds", f"ms, divided by {what}", "peak of memory, MB"), lines)


TABLES = {"cores": cores, "sizes": sizes, "pictures": pictures, "rows": rows, "classes": classes}


def main():
    arguments = duel.arguments(__doc__.split("\n")[0], "table", TABLES, 3)
    samples = duel.Samples(arguments.hasty)
    for name in arguments.names or TABLES:
        print(name, file=sys.stderr)
        print(f"{name}\n\n{TABLES[name](samples, arguments.samples)}\n", flush=True)


if __name__ == "__main__":
    main()
