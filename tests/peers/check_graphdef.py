#!/usr/bin/env python3
"""topwork on real GraphDefs against TensorFlow on the very same files, over the 44 golden pictures.

The trunk of 2015 (features), the full graph of 2015 (features and softmax), MobileNet v1 frozen and retrained (probabilities).
TensorFlow computes them anew here; the stored reference outputs are compared, too.

Usage: check_graphdef.py [GRAPH]...; trunk, full, frozen, retrained. Needs `venv.sh tensorflow`. Fails beyond the limits: features
2e-3, probabilities 1e-4, another order of the five most probable.
"""

import json
import shutil
import sys

import numpy as np

import graphdef
import peer
import tutorial_graph
from graphdef import tf

FEATURES, PROBABILITIES = 2e-3, 1e-4
SIDE = 224  # of MobileNet's input


def golden_pictures():
    lines = peer.shared("goldens/files.txt").read_text().split("\n")
    return [peer.shared(line) for line in lines if line]


def of_2015(session, jpeg, names):
    return session.run([name + ":0" for name in names], {"DecodeJpeg/contents:0": jpeg})


def of_mobilenet(session, jpeg, names):
    pixels = tf.cast(tf.io.decode_jpeg(jpeg, channels=3), tf.float32)[None]
    tensor = (tf.raw_ops.ResizeBilinear(images=pixels, size=[SIDE, SIDE]).numpy() - 127.5) / 127.5
    return session.run([name + ":0" for name in names], {"input:0": tensor})


def tensorflow(path, pictures, run, names):
    """The values of the nodes, a row a picture."""
    session = graphdef.session(graphdef.load(path), threads=0)  # no `with`: it would make its graph the place of all operators
    rows = [run(session, picture.read_bytes(), names) for picture in pictures]
    session.close()
    return [np.array([row[i].ravel() for row in rows]) for i in range(len(names))]


def topwork_features(path, pictures, options):
    """`topwork features` on copies of the pictures, a row a picture in the order given."""
    folder = peer.WORK / "graphdef-pictures"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "all").mkdir(parents=True)
    names = [f"{i:03}{picture.suffix}" for i, picture in enumerate(pictures)]
    for name, picture in zip(names, pictures):
        shutil.copyfile(picture, folder / "all" / name)
    npy = peer.WORK / "graphdef-features.npy"
    peer.topwork("features", folder, "-o", npy, "--trunk", path, *options, "--no-cache", "--quiet")
    rows, paths, _ = peer.read_features(npy, npy.with_suffix(".tsv"))
    where = {path.rsplit("/", 1)[-1]: i for i, path in enumerate(paths)}
    return rows[[where[name] for name in names]]


def topwork_probabilities(path, pictures, options, count):
    """`topwork classify` with labels that are the outputs' numbers, a row a picture."""
    labels = peer.WORK / f"labels-{count}.txt"
    labels.write_text("".join(f"output {i}\n" for i in range(count)))
    said = peer.topwork("classify", "--trunk", path, *options, "--labels", labels, "-k", count, "--json", "--", *pictures)
    rows = []
    for line in said.decode().splitlines():
        given = {int(entry["label"].split()[1]): entry["probability"] for entry in json.loads(line)["top"]}
        assert len(given) == count, (len(given), count)
        rows.append([given[i] for i in range(count)])
    assert len(rows) == len(pictures), (len(rows), len(pictures))
    return np.array(rows, np.float32)


def compare(name, what, ours, theirs, stored, limit, ordered):
    """A line of the table and whether it is good."""
    new, old = (float(np.abs(ours - other.reshape(ours.shape)).max()) for other in (theirs, stored))
    moved = sum((top_five(a) != top_five(b)).any() for a, b in zip(ours, theirs)) if ordered else 0
    ok = new <= limit and old <= limit and moved == 0
    return (name, what, f"{new:.1e}", f"{old:.1e}", f"{limit:.0e}", f"{moved} of {len(ours)}" if ordered else "",
            "OK" if ok else "short"), ok


def top_five(row):
    return np.argsort(-row, kind="stable")[:5]


def cases():
    """name: path, how TensorFlow runs it, options of topwork, [(node, what, stored reference, is a probability)]"""
    mobilenet = ["--input-size", SIDE, "--mean", 127.5, "--scale", 1 / 127.5]
    return {
        "trunk": (lambda: peer.shared("models/inception-2015/trunk_mixed8.pb"), of_2015, [],
                  [("pool_3/_reshape", "features", "inception-2015-trunk.pool_3", False)]),
        "full": (lambda: tutorial_graph.archive() / tutorial_graph.GRAPH, of_2015, [],
                 [("pool_3/_reshape", "features", "inception-2015-full.pool_3", False),
                  ("softmax", "softmax", "inception-2015-full.softmax", True)]),
        "frozen": (lambda: peer.shared("models/mobilenet-v1-0.25-224/frozen_graph.pb"), of_mobilenet, mobilenet,
                   [("MobilenetV1/Predictions/Reshape_1", "probabilities", "mobilenet-v1-0.25.frozen_graph", True)]),
        "retrained": (lambda: peer.shared("models/mobilenet-v1-0.25-224/retrained_graph.pb"), of_mobilenet, mobilenet,
                      [("final_result", "probabilities", "mobilenet-v1-0.25.retrained_graph", True)]),
    }


def main():
    peer.WORK.mkdir(parents=True, exist_ok=True)
    pictures, lines, good = golden_pictures(), [], True
    for name in sys.argv[1:] or cases():
        where, run, options, nodes = cases()[name]
        path = where()
        computed = tensorflow(path, pictures, run, [node[0] for node in nodes])
        for (_, what, golden, probable), theirs in zip(nodes, computed):
            stored = np.load(peer.shared(f"goldens/{golden}.npy"))
            ours = topwork_probabilities(path, pictures, options, theirs.shape[1]) if probable else \
                topwork_features(path, pictures, options)
            line, ok = compare(name, what, ours, theirs, stored, PROBABILITIES if probable else FEATURES, probable)
            lines.append(line)
            good = good and ok
    print(f"TensorFlow {tf.__version__}, {len(pictures)} pictures; largest differences:\n")
    print(peer.table(("graph", "output", "to TensorFlow now", "to the stored reference", "limit", "other top 5", ""), lines))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
