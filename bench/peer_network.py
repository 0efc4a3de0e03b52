#!/usr/bin/env python3
"""The bare network in a peer, without pictures: seconds a picture with many at a time ("many"), and with one picture on all
processors ("one"). Each is the median of ROUNDS rounds.

Usage: peer_network.py openvino NETWORK.xml [--precision f32|bf16] [--many WAY] [--one WAY] (of peer_prepare.py)
       peer_network.py onnxruntime NETWORK.onnx
       peer_network.py tensorflow NETWORK.pb (the graph of 2015, from Mul to pool_3/_reshape)
WAY of OpenVINO, many: hint (throughput, its own number of streams), or that number of streams; one: hint (latency) or
threads (one stream, all threads). Without --many nothing is measured for it, likewise --one. Prints JSON.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import threading
import time

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # the fastest TensorFlow
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests/peers"))

import numpy as np  # noqa: E402

ROUNDS = 7
ROUND_SECONDS = 0.4  # at least one picture a processor

CPUS = os.cpu_count()


def median_seconds(run):
    """run(count): so many pictures."""
    run(2 * CPUS)
    begun = time.perf_counter()
    run(2 * CPUS)
    each = (time.perf_counter() - begun) / (2 * CPUS)
    count = CPUS * max(1, round(ROUND_SECONDS / each / CPUS))
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run(count)
        times.append((time.perf_counter() - begun) / count)
    return statistics.median(times)


def openvino(arguments):
    import openvino as ov

    core = ov.Core()
    model = core.read_model(arguments.network)
    precision = {"INFERENCE_PRECISION_HINT": arguments.precision}

    def tensor():
        return ov.Tensor(random_input(model.input(0).shape))

    def many(count):
        for _ in range(count):
            queue.start_async()
        queue.wait_all()

    def one(count):
        for _ in range(count):
            single.infer()

    times = {}
    if arguments.many:
        way = {"PERFORMANCE_HINT": "THROUGHPUT"} if arguments.many == "hint" else {"NUM_STREAMS": arguments.many}
        compiled = core.compile_model(model, "CPU", way | precision)
        queue = ov.AsyncInferQueue(compiled)
        for request in queue:
            request.set_input_tensor(tensor())
        times["many"] = median_seconds(many)
        times["streams"] = compiled.get_property("NUM_STREAMS")
    if arguments.one:
        way = {"PERFORMANCE_HINT": "LATENCY"} if arguments.one == "hint" else \
            {"NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(CPUS)}
        single = core.compile_model(model, "CPU", way | precision).create_infer_request()
        single.set_input_tensor(tensor())
        times["one"] = median_seconds(one)
    return times


def onnxruntime(arguments):
    import onnxruntime as ort

    tensor = random_input((1, 3, 224, 224))

    def session(threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        return ort.InferenceSession(arguments.network, options, providers=["CPUExecutionProvider"])

    def run(session, count):
        for _ in range(count):
            session.run(["features"], {session.get_inputs()[0].name: tensor})

    return in_threads(session, run)


def tensorflow(arguments):
    import graphdef

    proto = graphdef.load(arguments.network)
    tensor = random_input((1, 299, 299, 3))

    def run(session, count):
        for _ in range(count):
            session.run("pool_3/_reshape:0", {"Mul:0": tensor})

    return in_threads(lambda threads: graphdef.session(proto, threads, optimise=True), run)


def random_input(shape):
    return np.random.default_rng(0).uniform(-1, 1, tuple(shape)).astype(np.float32)


def in_threads(make, run):
    """many: a session of one thread on each processor; one: a session of all of them."""
    workers = [make(1) for _ in range(CPUS)]
    single = make(CPUS)

    def many(count):
        threads = [threading.Thread(target=run, args=(worker, count // CPUS)) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return {"many": median_seconds(many), "one": median_seconds(lambda count: run(single, count))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("peer", choices=("openvino", "onnxruntime", "tensorflow"))
    parser.add_argument("network")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--many")
    parser.add_argument("--one")
    arguments = parser.parse_args()
    print(json.dumps({"openvino": openvino, "onnxruntime": onnxruntime, "tensorflow": tensorflow}[arguments.peer](arguments)))


if __name__ == "__main__":
    main()
