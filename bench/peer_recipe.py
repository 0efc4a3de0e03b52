#!/usr/bin/env python3
"""The tutorial's recipe in Keras on given features: one dense layer with softmax, Glorot's uniform initialisation, reshuffled
mini-batches, staircase decay. The peer that `topwork train --solver ...` is measured against.

Usage: peer_recipe.py ROWS.npy LABELS.npy [--validation ROWS.npy LABELS.npy] [--solver sgd] [--epochs 200] [--way fit]
Ways to run it: fit (Model.fit as it is), steps (one call of TensorFlow an epoch), xla (compiled), xla-steps, data (tf.data in
front). Prints its stage times as JSON; run is the time of fit() alone.
"""

import os
import time

STARTED = time.perf_counter()
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import argparse  # noqa: E402
import json  # noqa: E402
import math  # noqa: E402

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

WAYS = ("fit", "steps", "xla", "xla-steps", "data")


def make_optimiser(arguments):
    rate = keras.optimizers.schedules.ExponentialDecay(arguments.rate, arguments.decay_steps, arguments.decay, staircase=True)
    if arguments.solver == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=0.9 if arguments.solver == "momentum" else 0.0)


def make_model(dimensions, classes, batches, arguments):
    model = keras.Sequential([keras.Input((dimensions,)), keras.layers.Dense(classes, activation="softmax")])
    model.compile(make_optimiser(arguments), "sparse_categorical_crossentropy", metrics=["accuracy"],
                  jit_compile=arguments.way.startswith("xla") or "auto",
                  steps_per_execution=batches if arguments.way.endswith("steps") else 1)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows")
    parser.add_argument("labels")
    parser.add_argument("--validation", nargs=2)
    parser.add_argument("--solver", choices=("sgd", "momentum", "adam"), default="sgd")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--decay", type=float, default=0.9)
    parser.add_argument("--decay-steps", type=int, default=500)
    parser.add_argument("--way", choices=WAYS, default="fit")
    arguments = parser.parse_args()
    imported = time.perf_counter()

    rows, labels = np.load(arguments.rows).astype(np.float32), np.load(arguments.labels).astype(np.int32)
    watched = None
    if arguments.validation:
        watched = tuple(np.load(name) for name in arguments.validation)
    batches = math.ceil(len(rows) / arguments.batch)
    model = make_model(rows.shape[1], int(labels.max()) + 1, batches, arguments)
    if arguments.way == "data":
        data = tf.data.Dataset.from_tensor_slices((rows, labels)).cache().shuffle(len(rows))
        given = dict(x=data.batch(arguments.batch).prefetch(tf.data.AUTOTUNE))
    else:
        given = dict(x=rows, y=labels, batch_size=arguments.batch)
    prepared = time.perf_counter()
    history = model.fit(**given, epochs=arguments.epochs, shuffle=True, verbose=0, validation_data=watched).history
    finished = time.perf_counter()
    print(json.dumps({"imports": imported - STARTED, "prepare": prepared - imported, "run": finished - prepared}
                     | {name: values[-1] for name, values in history.items()}))


if __name__ == "__main__":
    main()
