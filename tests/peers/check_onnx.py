#!/usr/bin/env python3
"""A model of topwork's in ONNX Runtime, preprocessed by Pillow, against `topwork predict`, on the 44 golden pictures.

Usage: check_onnx.py [MODEL]; without one a model of the birds is trained first. Fails beyond 1e-4.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

import peer

LIMIT = 1e-4


def main():
    peer.WORK.mkdir(parents=True, exist_ok=True)
    model = sys.argv[1] if len(sys.argv) > 1 else str(peer.WORK / "birds.onnx")
    if len(sys.argv) == 1:
        peer.topwork("train", peer.shared("data/birds"), "-o", model, "--json")

    metadata = {entry.key: entry.value for entry in onnx.load(model).metadata_props}
    labels = json.loads(metadata["topwork.labels"])
    preprocessing = peer.Preprocessing(metadata["topwork.preprocessing"])
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    files = [str(peer.shared(line)) for line in peer.shared("goldens/files.txt").read_text().split("\n") if line]
    said = peer.topwork("predict", model, "--json", "-k", len(labels), "--", *files).decode().splitlines()
    assert len(said) == len(files), (len(said), len(files))
    worst, where = 0.0, None
    for path, line in zip(files, said):
        answer = json.loads(line)
        ours = {entry["label"]: entry["probability"] for entry in answer["top"]}
        theirs = session.run(["probabilities"], {name: preprocessing.tensor(path)})[0][0]
        difference = float(np.abs(np.array([ours[label] for label in labels]) - theirs).max())
        if difference >= worst:
            worst, where = difference, path
    verdict = "OK" if worst <= LIMIT else "short"
    print(f"{len(files)} pictures, {len(labels)} classes: largest difference {worst:.2e} ({where}); limit {LIMIT}: {verdict}")
    return 0 if verdict == "OK" else 1


if __name__ == "__main__":
    sys.exit(main())
