"""The parts of compare.py that are with TensorFlow: what the tutorial did with it. Not a program.

  recipe    200 epochs of the recipe on the 3670 x 2048 features of flowers against Keras on the same rows, batch and
            optimiser (peer_recipe.py): the epochs alone, and whole processes
  classify  one picture with the full graph of 2015, whole process, against a TensorFlow script doing the same, whole
            process (peer_classify_tf.py)
"""

import subprocess
import sys

import numpy as np

import duel
import peer
import tutorial_graph

BATCH = 128
EPOCHS = 200


def save_features():
    """The features and labels of flowers as topwork and Keras take them: {part: (rows.npy, labels.npy)}, parts as topwork
    draws them, and "all"."""
    npy, tsv = (peer.shared(f"features/flowers-inception2015.{end}") for end in ("f16.npy", "tsv"))
    rows, paths, classes = peer.read_features(npy, tsv)
    names = sorted(set(classes))
    labels = np.array([names.index(name) for name in classes], np.int32)
    model = peer.WORK / "parts.onnx"
    peer.topwork("train", "--features", npy, "--names", tsv, "-o", model, "--quiet")
    predictions = peer.read_predictions(model.with_suffix(".report"))
    index, part = np.array(peer.rows_of(paths, "", predictions)), np.array([line["part"] for line in predictions])
    saved = {}
    for name in ("all", "training", "validation"):
        chosen = index[part == name] if name != "all" else np.arange(len(rows))
        saved[name] = [peer.WORK / f"flowers-{name}-{what}.npy" for what in ("rows", "labels")]
        np.save(saved[name][0], rows[chosen])
        np.save(saved[name][1], labels[chosen])
    return npy, tsv, saved


def epochs_alone(sample):
    """The seconds of all epochs, as topwork timed them."""
    return sum(epoch["seconds"] for epoch in sample["stages"]["recipe"]["history"])


def recipe(samples, wanted):
    npy, tsv, saved = save_features()
    rows = []
    for solver, watched in (("sgd", False), ("adam", False), ("sgd", True)):
        common = ["--solver", solver, "--epochs", EPOCHS, "--batch", BATCH]
        mine = [peer.TOPWORK, "train", "--features", npy, "--names", tsv, "-o", peer.WORK / "recipe.onnx", "--json", "--quiet",
                *common] + ([] if watched else ["--val", 0, "--test", 0])
        script = [sys.executable, duel.HERE / "peer_recipe.py", *saved["training" if watched else "all"], *common]
        script += ["--validation", *saved["validation"]] if watched else []
        ways = {way: script + ["--way", way] for way in ("fit", "steps", "xla", "xla-steps", "data")}
        times = {name: samples.take(f"peer, {name}", command)["stages"]["run"] for name, command in ways.items()}
        way = min(times, key=times.get)
        kept = samples.duel({"topwork": mine, "peer": ways[way]}, wanted)
        ours, theirs = duel.median(kept["topwork"], epochs_alone), duel.median(kept["peer"], duel.run_alone)
        notes = [f"peer: way '{way}' of " + ", ".join(f"{name} {time:.2f} s" for name, time in times.items())
                 + f" (one sample each); to Keras's fit() as it is {ours / times['fit']:.4f}"]
        what = f"recipe, {solver}, {EPOCHS} epochs, flowers, " + ("60 % of rows, 24 % watched" if watched else "all rows")
        rows.append(duel.row(f"{what}: epochs alone, to Keras's fit()", ours, theirs, 0.1, notes))
        rows.append(duel.row(f"{what}: whole process, exact top and report included, to whole process",
                             duel.median(kept["topwork"]), duel.median(kept["peer"]), None, []))
    return rows


def classify(samples, wanted):
    folder = tutorial_graph.archive()
    panda = folder / "cropped_panda.jpg"
    graph = folder / tutorial_graph.GRAPH
    mine = [peer.TOPWORK, "classify", "--trunk", graph, "-k", 5, panda]
    script = [sys.executable, duel.HERE / "peer_classify_tf.py", folder, panda]
    ways = {f"oneDNN {'on' if onednn else 'off'}, optimiser {'on' if optimise else 'off'}":
            script + ["--onednn", onednn, "--optimise", optimise] for onednn in (1, 0) for optimise in (1, 0)}
    said = [subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
            for command in (mine, script)]
    way = duel.best_of(samples, ways, lambda sample: sample["seconds"])
    kept = samples.duel({"topwork": mine, "peer": ways[way]}, wanted)
    notes = [f"peer: {way}; both print " + ("the same lines" if said[0] == said[1] else f"other lines: {said}")]
    return [duel.row("classify one picture, graph of 2015 (95 MB), whole process, to TensorFlow", duel.median(kept["topwork"]),
                     duel.median(kept["peer"]), 0.1, notes)]
