"""Makes tests/golden/data/efficientnet-lite0.{features,probabilities}.npy: what ONNX Runtime computes for the shipped
network on numbers from topwork's generator (src/base/random.c, seed 1), 2 * unit - 1 each.

Needs onnxruntime and numpy. Run in the root of the project; takes the network of models/ or the one given."""
import sys

import numpy as np
import onnxruntime

MASK = (1 << 64) - 1
SEED = 1


def splitmix64(seed):
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = ((seed ^ seed >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        yield z ^ z >> 31


def rotate_left(value, by):
    return (value << by | value >> (64 - by)) & MASK


def units(seed):
    """Numbers in [0, 1) of xoshiro256** 1.0."""
    states = splitmix64(seed)
    s = [next(states) for _ in range(4)]
    while True:
        result = (rotate_left((s[1] * 5) & MASK, 7) * 9) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate_left(s[3], 45)
        yield (result >> 11) * 2.0**-53


def main():
    default = "models/efficientnet-lite0/efficientnet-lite0.onnx"
    path = sys.argv[1] if len(sys.argv) > 1 else default
    numbers = units(SEED)
    picture = np.array([2 * next(numbers) - 1 for _ in range(3 * 224 * 224)])
    picture = picture.astype(np.float32).reshape(1, 3, 224, 224)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    features, probabilities = session.run(["features", "probabilities"], {"input": picture})
    np.save("tests/golden/data/efficientnet-lite0.features.npy", features[0])
    np.save("tests/golden/data/efficientnet-lite0.probabilities.npy", probabilities[0])


if __name__ == "__main__":
    main()
