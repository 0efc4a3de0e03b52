#!/usr/bin/env python3
"""The features of all pictures of a folder with Pillow and OpenVINO at their best: the peer that `topwork features` is
measured against. Pictures are decoded by a pool of threads or processes, inferences run asynchronously with the
throughput hint, normalisation is part of the network, and only the features are computed.

Usage: peer_features.py NETWORK.xml FOLDER OUT.npy --pool thread|process --workers N [--streams N] [--most PICTURES]
NETWORK.xml: the shipped trunk as peer_prepare.py makes it, of floats or of 8-bit integers. --streams: instead of the hint.
Prints its stage times as JSON: imports, compile, run (all pictures, decoded and inferred), and within run the busy
seconds of decoding, summed over the workers.
"""

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402
import collections  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/peers"))
import numpy as np  # noqa: E402

import peer  # noqa: E402

PREPROCESSING = peer.trunk_preprocessing()


def decode(path):
    """The picture as 1 x height x width x 3 bytes, and the seconds it took."""
    begun = time.perf_counter()
    pixels = PREPROCESSING.pixels(path)[None]
    return pixels, time.perf_counter() - begun


def compiled_network(openvino, network, streams):
    """The network, fed with bytes."""
    from openvino.preprocess import PrePostProcessor

    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(network))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(PREPROCESSING.mean.tolist())
    steps.input().preprocess().scale((1 / PREPROCESSING.scale).tolist())
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    way = {"NUM_STREAMS": streams} if streams else {"PERFORMANCE_HINT": "THROUGHPUT"}
    return core.compile_model(steps.build(), "CPU", way | {"INFERENCE_PRECISION_HINT": "f32"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("network")
    parser.add_argument("folder")
    parser.add_argument("output")
    parser.add_argument("--pool", choices=("thread", "process"), default="thread")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--streams")
    parser.add_argument("--most", type=int)
    arguments = parser.parse_args()
    files = peer.pictures_in(arguments.folder)[:arguments.most]
    make_pool = ThreadPoolExecutor if arguments.pool == "thread" else ProcessPoolExecutor
    pool = make_pool(arguments.workers)
    if arguments.pool == "process":
        list(pool.map(abs, range(arguments.workers)))  # forked before OpenVINO starts its threads
    import openvino
    imported = time.perf_counter()

    network = compiled_network(openvino, arguments.network, arguments.streams)
    queue = openvino.AsyncInferQueue(network)
    rows = np.empty((len(files), network.output(0).shape[1]), np.float32)

    def keep(request, index):
        rows[index] = request.get_output_tensor(0).data[0]

    queue.set_callback(keep)
    compiled = time.perf_counter()
    busy = 0.0
    ahead = collections.deque()
    waiting = iter(enumerate(files))
    for index, path in waiting:  # as many pictures ahead as keeps all workers busy
        ahead.append((index, pool.submit(decode, path)))
        if len(ahead) < 4 * arguments.workers + 4:
            continue
        busy += infer(queue, *ahead.popleft())
    while ahead:
        busy += infer(queue, *ahead.popleft())
    queue.wait_all()
    finished = time.perf_counter()
    np.save(arguments.output, rows)
    pool.shutdown()
    saved = time.perf_counter()
    print(json.dumps({"pictures": len(files), "imports": imported - STARTED, "compile": compiled - imported,
                      "run": finished - compiled, "decode": busy, "save": saved - finished,
                      "requests": len(queue)}))


def infer(queue, index, future):
    pixels, seconds = future.result()
    queue.start_async({0: pixels}, index)
    return seconds


if __name__ == "__main__":
    main()
