#!/usr/bin/env python3
"""The bare network in a peer, without pictures: seconds a picture with as many at a time as there are processors
("many"), and with one picture on all of them ("one"). Each is the median of ROUNDS rounds.

Usage: peer_network.py openvino|onnxruntime NETWORK.onnx
       peer_network.py openvino|tensorflow NETWORK.pb (the graph of 2015, from Mul to pool_3/_reshape). Prints JSON.
"""

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
PICTURES = 8 if sys.argv[2:] and sys.argv[2].endswith(".pb") else 32  # a round: that of 2015 takes twenty times as long


def median_seconds(run_round):
    run_round()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run_round()
        times.append((time.perf_counter() - begun) / PICTURES)
    return statistics.median(times)


def openvino_copy(ov, core, path):
    """The features of the graph of 2015 as OpenVINO's model, by way of a copy that it can read."""
    import graphdef
    import peer

    copy = peer.WORK / "openvino.pb"
    copy.write_bytes(graphdef.behind_preprocessing(graphdef.load(path), 299).SerializeToString())
    model = core.read_model(copy)
    features = next(node for node in model.get_ops() if node.get_friendly_name() == "pool_3/_reshape")
    return ov.Model([features.output(0)], model.get_parameters())


def openvino(network, tensor):
    import openvino as ov

    core = ov.Core()
    if network.endswith(".pb"):
        network = openvino_copy(ov, core, network)
    queue = ov.AsyncInferQueue(core.compile_model(network, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"}))
    single = core.compile_model(network, "CPU", {"PERFORMANCE_HINT": "LATENCY"}).create_infer_request()

    def many():
        for _ in range(PICTURES):
            queue.start_async({0: tensor})
        queue.wait_all()

    def one():
        for _ in range(PICTURES):
            single.infer({0: tensor})

    return many, one


def onnxruntime(network, tensor):
    import onnxruntime as ort

    def session(threads):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        return ort.InferenceSession(network, options, providers=["CPUExecutionProvider"])

    def run(session, count):
        for _ in range(count):
            session.run(["features"], {session.get_inputs()[0].name: tensor})

    return in_threads(session, run)


def tensorflow(network, tensor):
    import graphdef

    proto = graphdef.load(network)

    def run(session, count):
        for _ in range(count):
            session.run("pool_3/_reshape:0", {"Mul:0": tensor})

    return in_threads(lambda threads: graphdef.session(proto, threads, optimise=True), run)


def in_threads(make, run):
    """many: a session of one thread on each processor; one: a session of all of them."""
    workers = [make(1) for _ in range(os.cpu_count())]
    single = make(os.cpu_count())

    def many():
        threads = [threading.Thread(target=run, args=(worker, PICTURES // len(workers))) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return many, lambda: run(single, PICTURES)


def main():
    shape = (1, 299, 299, 3) if sys.argv[2].endswith(".pb") else (1, 3, 224, 224)
    tensor = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    peers = {"openvino": openvino, "onnxruntime": onnxruntime, "tensorflow": tensorflow}
    many, one = peers[sys.argv[1]](sys.argv[2], tensor)
    print(json.dumps({"many": median_seconds(many), "one": median_seconds(one)}))


if __name__ == "__main__":
    main()
