#!/usr/bin/env python3
"""The first prediction of a new process with Pillow and ONNX Runtime: the peer that the start of a program linked to
libtopwork is measured against. As few modules as it takes.

Usage: peer_start.py MODEL.onnx PICTURE [--threads N] [--level all|basic|none]. Prints the index of the largest
probability, that probability, and on stderr its stage times as JSON.
"""

import sys
import time

STARTED = time.perf_counter()

import numpy as np  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

import onnxruntime  # noqa: E402


def option(name, otherwise):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else otherwise


imported = time.perf_counter()
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(option("--threads", 0))
levels = onnxruntime.GraphOptimizationLevel
options.graph_optimization_level = {"all": levels.ORT_ENABLE_ALL, "basic": levels.ORT_ENABLE_BASIC,
                                    "none": levels.ORT_DISABLE_ALL}[option("--level", "all")]
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
loaded = time.perf_counter()

picture = ImageOps.exif_transpose(Image.open(sys.argv[2])).convert("RGB")
scale = 256 / min(picture.size)
width, height = (max(1, round(side * scale)) for side in picture.size)
picture = picture.resize((width, picture.height), Image.BICUBIC).resize((width, height), Image.BICUBIC)
left, top = (width - 224) // 2, (height - 224) // 2
pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float32)
tensor = ((pixels - 127) / 128).transpose(2, 0, 1)[None]
probabilities = session.run(["probabilities"], {session.get_inputs()[0].name: tensor})[0][0]
print(int(probabilities.argmax()), f"{probabilities.max():.4f}")
print({"imports": imported - STARTED, "load": loaded - imported, "predict": time.perf_counter() - loaded},
      file=sys.stderr)
