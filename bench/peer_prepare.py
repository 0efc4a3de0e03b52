#!/usr/bin/env python3
"""OpenVINO's networks for the comparisons, up to their features, in 32-bit floats and in 8-bit integers, as NNCF's
post-training quantisation makes those from pictures that are drawn as topwork draws its own: at most 200.

Usage: peer_prepare.py TRUNK GRAPH FOLDER OUT.xml OUT-int8.xml. TRUNK: inception (the graph of 2015, by way of a copy that
OpenVINO can read; wants TensorFlow) or lite0. FOLDER: of the pictures. What is there is kept.
"""

import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/peers"))

import numpy as np  # noqa: E402
import openvino as ov  # noqa: E402
from PIL import Image  # noqa: E402

import peer  # noqa: E402

CALIBRATION = 200
SEED = 42


def lite0(graph):
    model = ov.Core().read_model(graph)
    features = next(output for output in model.outputs if "features" in output.get_names())
    model = ov.Model([features], model.get_parameters())
    model.reshape([1, 3, 224, 224])
    return model


def inception(graph):
    import graphdef

    copy = peer.WORK / "openvino.pb"
    copy.write_bytes(graphdef.behind_preprocessing(graphdef.load(graph), 299).SerializeToString())
    model = ov.Core().read_model(copy)
    features = next(node for node in model.get_ops() if node.get_friendly_name() == "pool_3/_reshape")
    return ov.Model([features.output(0)], model.get_parameters())


def inception_tensor(path):
    """Near enough for a calibration: the tutorial's resizing has no antialiasing."""
    pixels = Image.open(path).convert("RGB").resize((299, 299), Image.Resampling.BILINEAR)
    return (np.asarray(pixels, np.float32) - 128)[None] / 128


def quantised(model, tensor_of, folder):
    import nncf

    files = peer.pictures_in(folder)
    chosen = random.Random(SEED).sample(files, min(CALIBRATION, len(files)))
    return nncf.quantize(model, nncf.Dataset(chosen, tensor_of), subset_size=len(chosen))


def save(model, path):
    part = pathlib.Path(path).with_name("part.xml")
    ov.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").rename(pathlib.Path(path).with_suffix(".bin"))
    part.rename(path)


def main():
    trunk, graph, folder, plain, small = sys.argv[1:]
    make, tensor_of = {"lite0": (lite0, peer.trunk_preprocessing().tensor), "inception": (inception, inception_tensor)}[trunk]
    if not pathlib.Path(plain).exists():
        save(make(graph), plain)
    if not pathlib.Path(small).exists():
        save(quantised(ov.Core().read_model(plain), tensor_of, folder), small)


if __name__ == "__main__":
    main()
