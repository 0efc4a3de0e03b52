#!/usr/bin/env python3
"""Accuracy in int8 and bf16 against f32: the same pictures in the same parts, seeds 0..4, the mean within half a point.

Each data set is calibrated on its own pictures, once for all seeds. bf16 is left out where the processor has none.

Usage: check_precision.py [--seeds 5] [--trunk NAME|FILE] [birds|faces|caltech101-mini]...
"""

import argparse
import json
import sys

import numpy as np

import peer

SETS = ("birds", "faces", "caltech101-mini")
POINTS = 0.5  # of the mean accuracy, that another precision may be away from f32


def one(folder, cache, trunk, precision, seed):
    """metrics.json and the rows of the test part, right or wrong by path."""
    model = peer.WORK / "precision.onnx"
    result = json.loads(peer.topwork("train", folder, "-o", model, "--precision", precision, "--seed", seed, "--cache",
                                     cache, *trunk, "--json"))
    lines = [line for line in peer.read_predictions(model.with_suffix(".report")) if line["part"] == "test"]
    return result, {line["path"]: line["prediction"] == line["label"] for line in lines}


def compare(name, precision, trunk, seeds):
    """Accuracies of f32 and of the other precision by seed, and its fidelity; None where the processor has it not."""
    folder = peer.shared(f"data/{name}")
    cache = peer.WORK / "precision-cache" / name
    pairs, fidelity, changed = [], None, 0
    for seed in range(seeds):
        narrow, narrow_rows = one(folder, cache, trunk, precision, seed)
        if narrow["precision"] != precision:
            return None
        wide, wide_rows = one(folder, cache, trunk, "f32", seed)
        assert wide_rows.keys() == narrow_rows.keys(), "the two were tested on different pictures"
        assert wide["precision"] == "f32" and wide["fidelity"] is None, wide["fidelity"]
        changed += sum(wide_rows[path] != narrow_rows[path] for path in wide_rows)
        pairs.append((wide["test"]["accuracy"], narrow["test"]["accuracy"]))
        fidelity = narrow["fidelity"]
    return pairs, fidelity, changed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trunk")
    parser.add_argument("sets", nargs="*", default=SETS)
    arguments = parser.parse_args()
    peer.WORK.mkdir(parents=True, exist_ok=True)
    trunk = ["--trunk", arguments.trunk] if arguments.trunk else []
    lines, record, short = [], {}, False
    for name in arguments.sets:
        for precision in ("int8", "bf16"):
            try:
                found = compare(name, precision, trunk, arguments.seeds)
            except SystemExit as refusal:  # too far from f32, for one
                short = True
                lines.append((name, precision, "", "", str(refusal).split("topwork: ")[-1].strip(), "", "", "short"))
                continue
            if found is None:
                lines.append((name, precision, "", "", "not on this processor", "", "", ""))
                continue
            pairs, fidelity, changed = found
            wide, narrow = np.mean(pairs, axis=0)
            points = 100 * (narrow - wide)
            ok = abs(points) <= POINTS + 1e-9
            short = short or not ok
            record[f"{name} {precision}"] = {"f32": wide, "accuracy": narrow, "points": points, "seeds": pairs,
                                             "changed": changed, "fidelity": fidelity, "ok": bool(ok)}
            lines.append((name, precision, f"{wide:.4f}", f"{narrow:.4f}", f"{points:+.2f}", changed,
                          f"{fidelity['mean']:.4f} / {fidelity['worst']:.4f}", "OK" if ok else "short"))
    print(peer.table(("data", "precision", "f32", "accuracy", f"points (within {POINTS})", "rows right in one alone",
                      "cosine mean / worst", ""), lines))
    (peer.WORK / "precision.json").write_text(json.dumps(record, indent=1, default=float))
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
