"""The parts of compare.py about a whole process: its start, and its memory at its most. Not a program.

start: a program linked to libtopwork.so (examples/predict.c), to its first prediction with the trunk that ships, against a
Python script with Pillow and ONNX Runtime (peer_start.py), imports included: that is what somebody waits for. The peer gets
the fastest of its thread counts and optimisation levels. And one picture with the 95 MB graph, in f32 from the graph, in int8
from a model file.
"""

import subprocess
import sys

import duel
import part_files
import part_network
import peer
import tutorial_graph

MOST_SECONDS = {"f32": 0.30, "int8": 0.20}
MOST_BYTES = {"f32": 230e6, "int8": 130e6}


def program():
    """The example, built against the shared library of the release build."""
    out = peer.WORK / "predict"
    library = peer.ROOT / "build/release/lib"
    subprocess.run(["cc", "-O2", peer.ROOT / "examples/predict.c", f"-I{peer.ROOT / 'include'}", f"-L{library}",
                    "-ltopwork", f"-Wl,-rpath,{library}", "-o", out], check=True)
    return out


def first_prediction(samples, wanted):
    birds, model = peer.shared("data/birds"), peer.WORK / "start.onnx"
    picture = sorted(birds.glob("*/*.jpg"))[0]
    peer.topwork("train", birds, "-o", model, "--quiet", "--cache", duel.CACHE)
    script = [sys.executable, duel.HERE / "peer_start.py", model, picture]
    ways = {f"threads {count or 'all'}, optimisations {level}": script + ["--threads", count, "--level", level]
            for count in (0, 1) for level in ("all", "basic", "none")}
    way = duel.best_of(samples, ways, lambda sample: sample["seconds"], 3)
    kept = samples.duel({"topwork": [program(), model, picture], "peer": ways[way]}, wanted)
    return duel.row("start to first prediction, a program with the library, to Pillow + ONNX Runtime",
                    duel.median(kept["topwork"]), duel.median(kept["peer"]), 1 / 5, [f"peer: {way}"])


def one_picture(precision):
    """The command that says what is in one picture, by the graph of 2015."""
    folder = tutorial_graph.archive()
    picture = folder / "cropped_panda.jpg"
    if precision == "f32":
        return [peer.TOPWORK, "classify", "--trunk", folder / tutorial_graph.GRAPH, "-k", 5, picture]
    part_network.calibrate("inception", precision)
    model = peer.WORK / f"inception-{precision}.onnx"
    peer.topwork("train", peer.shared("data/birds"), "-o", model, "--quiet", *part_network.trunk_options("inception"),
                 *part_network.precision_options(precision))
    return [peer.TOPWORK, "predict", model, picture, "--no-cache"]


def start(samples, wanted):
    rows = [first_prediction(samples, wanted)]
    commands = {precision: one_picture(precision) for precision in part_network.possible(MOST_SECONDS)}
    kept = samples.duel(commands, wanted)
    return rows + [duel.row_alone(f"whole process, one picture, graph of 95 MB, {precision}", duel.median(kept[precision]),
                                  MOST_SECONDS[precision], "s") for precision in commands]


def memory(samples, wanted):
    """The 2020 pictures of caltech101-mini, each with contents of its own, and two workers. One sample: memory does not
    depend on the moment. (What the system counts begins with the size of this script, far below the limits.)"""
    rows = []
    for precision in part_network.possible(MOST_BYTES):
        command, before = part_files.ours("caltech101-mini", precision, "inception")
        sample = samples.take(f"memory, {precision}", command + ["--threads", 2], before)
        rows.append(duel.row_alone(f"peak of memory, 2020 pictures, two workers, Inception v3, {precision}", sample["peak"],
                                   MOST_BYTES[precision], "MB", [f"{sample['seconds']:.1f} s"]))
    return rows
