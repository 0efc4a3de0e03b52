#!/usr/bin/env python3
"""The bare network in a peer, without pictures: seconds a picture with as many at a time as there are processors
("many"), and with one picture on all of them ("one"). Each is the median of ROUNDS rounds.

Usage: peer_network.py openvino|onnxruntime NETWORK.onnx. Prints JSON.
"""

import json
import os
import statistics
import sys
import threading
import time

import numpy as np

ROUNDS = 7
PICTURES = 32  # a round


def median_seconds(run_round):
    run_round()
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        run_round()
        times.append((time.perf_counter() - begun) / PICTURES)
    return statistics.median(times)


def openvino(network, tensor):
    import openvino as ov

    core = ov.Core()
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

    workers = [session(1) for _ in range(os.cpu_count())]
    single = session(os.cpu_count())

    def many():
        threads = [threading.Thread(target=run, args=(worker, PICTURES // len(workers))) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return many, lambda: run(single, PICTURES)


def main():
    tensor = np.random.default_rng(0).uniform(-1, 1, (1, 3, 224, 224)).astype(np.float32)
    many, one = {"openvino": openvino, "onnxruntime": onnxruntime}[sys.argv[1]](sys.argv[2], tensor)
    print(json.dumps({"many": median_seconds(many), "one": median_seconds(one)}))


if __name__ == "__main__":
    main()
