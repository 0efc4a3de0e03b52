#!/usr/bin/env python3
"""The tutorial's classify_image.py for today's TensorFlow: one picture, the frozen graph of 2015, its two label files, the
five most probable labels. The peer that `topwork classify` is measured against. As few modules as it takes.

Usage: peer_classify_tf.py FOLDER PICTURE.jpg [--onednn 0|1] [--optimise 0|1]. FOLDER is the unpacked archive. Prints a line a
label, and on stderr its stage times as JSON.
"""

import itertools
import os
import re
import sys
import time

STARTED = time.perf_counter()


def option(name, otherwise):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = option("--onednn", "1")

import tensorflow.compat.v1 as tf  # noqa: E402

FOLDER, PICTURE = sys.argv[1:3]


def read_labels():
    """{index of the output: label}"""
    with open(os.path.join(FOLDER, "imagenet_synset_to_human_label_map.txt"), encoding="utf-8") as file:
        names = dict(line.rstrip("\n").split("\t", 1) for line in file)
    with open(os.path.join(FOLDER, "imagenet_2012_challenge_label_map_proto.pbtxt"), encoding="utf-8") as file:
        pairs = re.findall(r'target_class: (\d+)\s+target_class_string: "(n\d+)"', file.read())
    return {int(index): names[synset] for index, synset in pairs}


def main():
    imported = time.perf_counter()
    graph = tf.GraphDef()
    with open(os.path.join(FOLDER, "classify_image_graph_def.pb"), "rb") as file:
        graph.ParseFromString(file.read())
    tf.import_graph_def(graph, name="")
    config = tf.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = option("--optimise", "1") == "0"
    loaded = time.perf_counter()
    with tf.Session(config=config) as session, open(PICTURE, "rb") as file:
        predictions = session.run("softmax:0", {"DecodeJpeg/contents:0": file.read()}).squeeze()
    run = time.perf_counter()
    labels = read_labels()
    named = (index for index in predictions.argsort()[::-1] if index in labels)  # 1008 outputs, 1000 labels
    for index in itertools.islice(named, 5):
        print(f"{predictions[index]:.4f} {labels[index].split(',')[0]}")
    print({"imports": imported - STARTED, "load": loaded - imported, "run": run - loaded,
           "labels": time.perf_counter() - run}, file=sys.stderr)


main()
