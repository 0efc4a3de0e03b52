#!/usr/bin/env python3
"""From the start of a process to its first prediction with the trunk that ships: a program linked to libtopwork.so
(examples/predict.c), against a Python script with Pillow and ONNX Runtime (peer_start.py), in turns, in both orders.

Whole processes on both sides, Python's imports included: that is what somebody waits for. The peer gets the fastest of
its thread counts and optimisation levels. Usage: start.sh [--samples 15]. Prints a table in Markdown.
"""

import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests/peers"))

import duel  # noqa: E402
import peer  # noqa: E402

MOST = 1 / 5


def program():
    """The example, built against the shared library of the release build."""
    out = peer.WORK / "predict"
    library = peer.ROOT / "build/release/lib"
    subprocess.run(["cc", "-O2", peer.ROOT / "examples/predict.c", f"-I{peer.ROOT / 'include'}", f"-L{library}",
                    "-ltopwork", f"-Wl,-rpath,{library}", "-o", out], check=True)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--samples", type=int, default=15)
    arguments = parser.parse_args()
    peer.WORK.mkdir(parents=True, exist_ok=True)
    birds, model = peer.shared("data/birds"), peer.WORK / "start.onnx"
    picture = sorted(birds.glob("*/*.jpg"))[0]
    peer.topwork("train", birds, "-o", model, "--quiet", "--cache", duel.CACHE)
    samples = duel.Samples()
    script = [sys.executable, HERE / "peer_start.py", model, picture]
    ways = {f"threads {count or 'all'}, optimisations {level}": script + ["--threads", count, "--level", level]
            for count in (0, 1) for level in ("all", "basic", "none")}
    times = {}
    for name, command in ways.items():
        times[name] = min(samples.take(name, command)["seconds"] for _ in range(3))
    way = min(times, key=times.get)
    kept = samples.duel({"topwork": [program(), model, picture], "Pillow + ONNX Runtime": ways[way]}, arguments.samples)
    row = duel.row("start to first prediction", duel.median(kept["topwork"]),
                      duel.median(kept["Pillow + ONNX Runtime"]), MOST, [])
    print(peer.table(("what", "topwork", "peer", "ratio", "to reach", ""),
                     [(row["what"], f"{row['ours']:.3f} s", f"{row['theirs']:.3f} s", f"{row['ratio']:.3f}",
                       f"{row['reach']:.2f}", row["verdict"])]))
    print(f"\npeer: {way}.")
    return 0 if row["verdict"] == "OK" else 1


if __name__ == "__main__":
    sys.exit(main())
