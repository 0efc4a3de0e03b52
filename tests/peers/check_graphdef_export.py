#!/usr/bin/env python3
"""What `topwork export` writes, run by TensorFlow, against topwork itself.

Usage: check_graphdef_export.py [--quick]

  - small networks, one a kind of operator (build/release/bin/export_network), and those of the zoo that topwork reads,
    against `topwork run`; batches of three;
  - models of the birds on each trunk against `topwork predict`, on the 44 golden pictures: the trunk that ships with a
    float input, preprocessed by Pillow as docs/PREPROCESSING.md says, and trunks that are GraphDefs, fed with the
    files' bytes. --quick leaves the latter out;
  - a model that takes features.

Needs a release build and the environment that `venv.sh tensorflow` makes. Fails beyond 1e-4.
"""

import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf

import peer

LIMIT = 1e-4
WORK = peer.WORK / "export"
TRUNKS = [  # a trunk, and what it must be told
    ("models/inception-2015/trunk_mixed8.pb", []),
    ("models/mobilenet-v1-0.25-224/frozen_graph.pb", ["--input-size", "224", "--mean", "127.5", "--scale", repr(1 / 127.5)]),
]
worst = []


def session_of(path):
    """These are the lines of docs/EXPORT.md."""
    graph_def = tf.compat.v1.GraphDef()
    with open(path, "rb") as file:
        graph_def.ParseFromString(file.read())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name="")
    return tf.compat.v1.Session(graph=graph)


def report(what, difference, count):
    worst.append(difference)
    print(f"{what}: largest difference {difference:.2e} of {count} values: {'OK' if difference <= LIMIT else 'short'}", flush=True)


# ---- Networks --------------------------------------------------------------------------------------------------------


def run_network(onnx, tensor):
    np.save(WORK / "x.npy", tensor)
    peer.topwork("run", onnx, "--input", WORK / "x.npy", "-o", WORK / "y.npy")
    return np.load(WORK / "y.npy")


def check_network(name, onnx, graph, tensor):
    ours = run_network(onnx, tensor)
    session = session_of(graph)
    last = tensor.transpose(0, 2, 3, 1) if tensor.ndim == 4 else tensor
    theirs = session.run("final_result:0", {"input:0": last})
    if theirs.ndim == 4:
        theirs = theirs.transpose(0, 3, 1, 2)
    assert theirs.shape == ours.shape, (name, theirs.shape, ours.shape)
    scale = max(1.0, float(np.abs(ours).max()))
    report(name, float(np.abs(theirs - ours).max()) / scale, ours.size)


def small_networks():
    folder = WORK / "networks"
    folder.mkdir(exist_ok=True)
    subprocess.run([EXPORT_NETWORK, folder], check=True)
    random = np.random.default_rng(1)
    for graph in sorted(folder.glob("*.pb")):
        shape = [n for n in read_nodes(graph) if n.op == "Placeholder"][0].attr["shape"].shape
        dims = [3] + [d.size for d in shape.dim][1:]
        dims = [dims[0], dims[3], dims[1], dims[2]] if len(dims) == 4 else dims
        tensor = random.standard_normal(dims, np.float32) * 2
        check_network(graph.stem, graph.with_suffix(".onnx"), graph, tensor)


def zoo():
    for onnx in sorted(peer.shared("models/zoo").glob("*.onnx")):
        graph = WORK / (onnx.stem + ".pb")
        read = subprocess.run([peer.TOPWORK, "inspect", onnx], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if read.returncode != 0:
            print(f"{onnx.stem}: not read: {read.stderr.decode().strip().split(': ', 2)[-1].split(';')[0]}")
            continue
        subprocess.run([EXPORT_NETWORK, onnx, graph], check=True)
        check_network(onnx.stem, onnx, graph, np.load(onnx.with_suffix("").with_suffix(onnx.suffixes[0] + ".in.npy")))


def read_nodes(path):
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(path.read_bytes())
    return graph_def.node


# ---- Models ----------------------------------------------------------------------------------------------------------


def predictions(model, files, labels):
    said = peer.topwork("predict", model, "--json", "-k", len(labels), "--", *files).decode().splitlines()
    assert len(said) == len(files), (len(said), len(files))
    rows = []
    for line in said:
        ours = {entry["label"]: entry["probability"] for entry in json.loads(line)["top"]}
        rows.append([ours[label] for label in labels])
    return np.array(rows)


def export(name, model):
    """The graph and the labels, which must be those that the model's own predictions are called."""
    folder = WORK / name
    folder.mkdir(exist_ok=True)
    graph = folder / "graph.pb"
    (folder / "labels.txt").unlink(missing_ok=True)
    peer.topwork("export", model, "-o", graph)
    return graph, (folder / "labels.txt").read_text().split("\n")[:-1]


def golden_files():
    return [str(peer.shared(line)) for line in peer.shared("goldens/files.txt").read_text().split("\n") if line]


def shipped_trunk():
    model = WORK / "birds.onnx"
    peer.topwork("train", peer.shared("data/birds"), "-o", model, "--json")
    graph, labels = export("efficientnet-lite0", model)
    files = golden_files()
    preprocessing = peer.trunk_preprocessing()
    batch = np.concatenate([preprocessing.tensor(path) for path in files]).transpose(0, 2, 3, 1)
    theirs = session_of(graph).run("final_result:0", {"input:0": batch})
    report(f"efficientnet-lite0, {len(files)} pictures", float(np.abs(theirs - predictions(model, files, labels)).max()), theirs.size)


def graphdef_trunk(path, options):
    trunk = peer.shared(path)
    model = WORK / (trunk.stem + ".onnx")
    peer.topwork("train", peer.shared("data/birds"), "-o", model, "--trunk", trunk, *options, "--json")
    graph, labels = export(trunk.stem, model)
    files = golden_files()
    session = session_of(graph)
    theirs = []
    for name in files:
        with open(name, "rb") as file:
            theirs.append(session.run("final_result:0", {"DecodeJpeg/contents:0": file.read()})[0])
    difference = float(np.abs(np.array(theirs) - predictions(model, files, labels)).max())
    report(f"{path}, {len(files)} pictures", difference, len(files) * len(labels))


def features():
    """Against the arithmetic itself: predict takes no features."""
    random = np.random.default_rng(2)
    rows = random.standard_normal((60, 20), np.float32)
    names = ["path\tclass"] + [f"{i}\t{'abc'[i % 3]}" for i in range(len(rows))]
    np.save(WORK / "rows.npy", rows + np.eye(3, 20, dtype=np.float32)[np.arange(len(rows)) % 3] * 2)
    (WORK / "rows.tsv").write_text("\n".join(names) + "\n")
    model = WORK / "features.onnx"
    peer.topwork("train", "--features", WORK / "rows.npy", "--names", WORK / "rows.tsv", "-o", model, "--json")
    graph, labels = export("features", model)
    weights = {n.name: tf.make_ndarray(n.attr["value"].tensor) for n in read_nodes(graph) if n.op == "Const"}
    theirs = session_of(graph).run("final_result:0", {"input:0": rows})
    logits = rows.astype(np.float64) @ weights["topwork.weights"].T + weights["topwork.intercepts"]
    ours = np.exp(logits - logits.max(1, keepdims=True))
    ours /= ours.sum(1, keepdims=True)
    report(f"features, {len(labels)} classes", float(np.abs(theirs - ours).max()), theirs.size)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    small_networks()
    zoo()
    features()
    shipped_trunk()
    if "--quick" not in sys.argv[1:]:
        for path, options in TRUNKS:
            graphdef_trunk(path, options)
    print(f"largest of all: {max(worst):.2e}; limit {LIMIT}: {'OK' if max(worst) <= LIMIT else 'short'}")
    return 0 if max(worst) <= LIMIT else 1


EXPORT_NETWORK = str(peer.ROOT / "build/release/bin/export_network")

if __name__ == "__main__":
    sys.exit(main())
