#!/usr/bin/env python3
"""Makes tests/golden/data/graphdef/: small frozen GraphDefs, an operator or an encoding each, and what TensorFlow computes.

NAME.pb, NAME.in.npy (N x H x W x C as TensorFlow has it, batch 1, float32: what is fed to the graph's input, or, of a graph
that begins with DecodeJpeg, what its last preprocessing node gives), NAME.out.npy (TensorFlow's value of the node `output`;
four dimensions are N x H x W x C), and NAME.jpg for graphs that are fed with a picture. README.md there lists them.

Usage: make_graphdef_goldens.py [NAME]... Needs the environment of `venv.sh tensorflow`. Same seeds, same files.
"""

import io
import pathlib
import sys

import numpy as np
import tensorflow as tf
from PIL import Image

import graphdef
from graphdef import Graph

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "golden/data/graphdef"
MOST_BYTES = 20_000  # of one graph
CASES = {}  # name: (what it is, function that gives the graph and the shape of its input)


def case(name, what):
    def keep(function):
        assert name not in CASES
        CASES[name] = (what, function)
        return function
    return keep


def one(name, what, shape, body, producer=graphdef.NEW_PRODUCER):
    """A case whose graph is a placeholder of this shape and what `body` makes of it; body names its last node `output`."""
    def make():
        graph = Graph(producer, seed=sum(name.encode()))
        body(graph, graph.placeholder(shape))
        return graph, shape
    CASES[name] = (what, make)


# ---- Convolutions ----------------------------------------------------------------------------------------------------

for label, size, kernel, strides, padding in (
        ("same", (7, 8), (3, 3), (1, 1), "SAME"),
        ("same-stride2-even", (8, 10), (3, 3), (2, 2), "SAME"),
        ("same-stride2-odd", (9, 7), (3, 3), (2, 2), "SAME"),
        ("same-stride2-mixed", (8, 7), (3, 5), (2, 2), "SAME"),
        ("same-stride3", (10, 11), (5, 3), (3, 3), "SAME"),
        ("same-even-kernel", (7, 8), (2, 4), (1, 1), "SAME"),
        ("same-1x7", (9, 9), (1, 7), (1, 1), "SAME"),
        ("same-7x1", (9, 9), (7, 1), (1, 1), "SAME"),
        ("same-1x1-stride2", (8, 9), (1, 1), (2, 2), "SAME"),
        ("same-stride-above-kernel", (10, 8), (2, 2), (3, 3), "SAME"),
        ("same-strides-differ", (9, 8), (3, 3), (2, 1), "SAME"),
        ("valid", (7, 8), (3, 2), (1, 1), "VALID"),
        ("valid-stride2-even", (8, 10), (3, 3), (2, 2), "VALID"),
        ("valid-stride2-odd", (9, 7), (3, 3), (2, 2), "VALID"),
        ("valid-rest", (11, 12), (3, 3), (3, 3), "VALID"),
        ("valid-whole", (4, 5), (4, 5), (1, 1), "VALID")):
    one(f"conv-{label}", f"Conv2D {padding}, kernel {kernel[0]}x{kernel[1]}, strides {strides}", (1, *size, 3),
        lambda g, x, kernel=kernel, strides=strides, padding=padding:
        g.conv(x, (*kernel, 3, 5), "output", strides, padding, data_format="NHWC", use_cudnn_on_gpu=True))

for label, padding, dilations in (("same", "SAME", (2, 2)), ("valid", "VALID", (2, 2)), ("differ", "SAME", (2, 3))):
    one(f"conv-dilated-{label}", f"Conv2D {padding}, dilations {dilations}", (1, 10, 11, 3),
        lambda g, x, padding=padding, dilations=dilations:
        g.conv(x, (3, 3, 3, 4), "output", padding=padding, dilations=[1, *dilations, 1]))

for label, size, strides, padding, multiplier in (
        ("same", (7, 8), 1, "SAME", 1), ("same-stride2", (8, 9), 2, "SAME", 1), ("valid", (7, 8), 1, "VALID", 1),
        ("multiplier2", (7, 8), 1, "SAME", 2), ("multiplier2-stride2", (8, 8), 2, "VALID", 2),
        ("multiplier3-from1", (6, 6), 1, "SAME", 3)):
    channels = 1 if label.endswith("from1") else 4
    one(f"depthwise-{label}", f"DepthwiseConv2dNative {padding}, stride {strides}, channel multiplier {multiplier}",
        (1, *size, channels),
        lambda g, x, strides=strides, padding=padding, multiplier=multiplier, channels=channels:
        g.node("DepthwiseConv2dNative", [x, g.weights(3, 3, channels, multiplier)], "output",
               strides=[1, strides, strides, 1], padding=padding))

# ---- Batch norms, biases, activations --------------------------------------------------------------------------------


def old_batch_norm(g, x, channels, scaled, name):
    mean, variance = g.vector(channels, -0.3, 0.3), g.vector(channels, 0.2, 2)
    beta, gamma = g.vector(channels), g.vector(channels, 0.5, 1.5)
    return g.node("BatchNormWithGlobalNormalization", [x, mean, variance, beta, gamma], name,
                  variance_epsilon=0.001, scale_after_normalization=scaled)


for label, scaled in (("scaled", True), ("unscaled", False)):
    one(f"batchnorm-old-{label}", f"BatchNormWithGlobalNormalization, scale_after_normalization {scaled}; gamma is not 1",
        (1, 5, 6, 3), lambda g, x, scaled=scaled: old_batch_norm(g, g.conv(x, (3, 3, 3, 4)), 4, scaled, "output"),
        graphdef.OLD_PRODUCER)
one("batchnorm-old-first", "BatchNormWithGlobalNormalization with no convolution before it", (1, 5, 6, 3),
    lambda g, x: old_batch_norm(g, x, 3, True, "output"), 0)


def fused_batch_norm(g, x, channels, version, name="output", **attributes):
    inputs = [x, g.vector(channels, 0.5, 1.5), g.vector(channels), g.vector(channels, -0.3, 0.3),
              g.vector(channels, 0.2, 2)]
    if version > 1:
        attributes["U"] = tf.float32
    return g.node("FusedBatchNorm" + ("" if version == 1 else f"V{version}"), inputs, name, is_training=False,
                  **attributes)


for version in (1, 2, 3):
    one(f"batchnorm-fused-v{version}", f"FusedBatchNorm, version {version}, epsilon 0.001", (1, 5, 6, 3),
        lambda g, x, version=version:
        fused_batch_norm(g, g.conv(x, (3, 3, 3, 4)), 4, version, epsilon=0.001, data_format="NHWC"))
one("batchnorm-fused-default", "FusedBatchNorm without the attribute epsilon (0.0001), read through its name:0",
    (1, 5, 6, 3),
    lambda g, x: g.node("Relu", fused_batch_norm(g, g.conv(x, (3, 3, 3, 4)), 4, 1, "norm") + ":0", "output"))


def spelled_batch_norm(g, x, channels, add, name="output", scaled=True, read=False):
    """As tf.nn.batch_normalization writes it; read: weights behind Identity, as in frozen TF-slim graphs."""
    def weight(low, high, label):
        node = g.vector(channels, low, high, f"{name}/{label}")
        return g.node("Identity", node, f"{name}/{label}/read", _class=[f"loc:@{node}"]) if read else node

    mean, variance = weight(-0.3, 0.3, "mean"), weight(0.2, 2, "variance")
    beta = weight(-1, 1, "beta")
    epsilon = g.const(np.float32(0.001), f"{name}/add/y", "values")
    scale = g.node("Rsqrt", g.node(add, [variance, epsilon], f"{name}/add"), f"{name}/Rsqrt")
    if scaled:
        scale = g.node("Mul", [scale, weight(0.5, 1.5, "gamma")], f"{name}/mul")
    product = g.node("Mul", [x, scale], f"{name}/mul_1")
    shift = g.node("Sub", [beta, g.node("Mul", [mean, scale], f"{name}/mul_2")], f"{name}/sub")
    return g.node(add, [product, shift], name)


for label, add, scaled, read in (("addv2", "AddV2", True, False), ("add", "Add", True, True),
                                 ("no-gamma", "AddV2", False, False)):
    one(f"batchnorm-spelled-{label}", f"batch norm spelled out: {add}, Rsqrt, {'Mul, ' if scaled else ''}Mul, Mul, Sub, {add}",
        (1, 5, 6, 3), lambda g, x, add=add, scaled=scaled, read=read:
        spelled_batch_norm(g, g.conv(x, (3, 3, 3, 4)), 4, add, scaled=scaled, read=read))

one("bias-relu", "Conv2D, BiasAdd, Relu", (1, 5, 6, 3),
    lambda g, x: g.node("Relu", g.node("BiasAdd", [g.conv(x, (3, 3, 3, 4)), g.vector(4)], data_format="NHWC"), "output"))
one("bias-relu6", "Conv2D, BiasAdd, Relu6; values reach beyond 6", (1, 5, 6, 3),
    lambda g, x: g.node("Relu6", g.node("BiasAdd", [g.conv(x, (3, 3, 3, 4)), g.const(np.float32([0, 2, 5.5, -1]))]), "output"))
one("add-channels", "Add of a constant of one dimension: a bias by broadcasting", (1, 4, 5, 3),
    lambda g, x: g.node("Add", [g.conv(x, (1, 1, 3, 4)), g.vector(4)], "output"))
one("add-residual", "Add of two branches, Sub of a scalar, Mul by a scalar", (1, 6, 6, 4),
    lambda g, x: g.node("AddV2", [g.node("Mul", [g.node("Sub", [g.conv(x, (3, 3, 4, 4)), g.const(np.float32(0.25))]),
                                                 g.const(np.float32(0.5))]), x], "output"))

# ---- Pools and means -------------------------------------------------------------------------------------------------

for kind in ("MaxPool", "AvgPool"):
    for label, size, window, strides, padding in (
            ("same", (7, 8), (3, 3), (1, 1), "SAME"), ("same-stride2-even", (8, 6), (3, 3), (2, 2), "SAME"),
            ("same-stride2-odd", (7, 9), (3, 3), (2, 2), "SAME"), ("same-2x2-odd", (7, 5), (2, 2), (2, 2), "SAME"),
            ("valid", (7, 8), (3, 2), (1, 1), "VALID"), ("valid-stride2-rest", (8, 9), (3, 3), (2, 2), "VALID"),
            ("valid-whole", (4, 5), (4, 5), (1, 1), "VALID")):
        one(f"{kind.lower()}-{label}", f"{kind} {padding}, {window[0]}x{window[1]}, strides {strides}", (1, *size, 3),
            lambda g, x, kind=kind, window=window, strides=strides, padding=padding:
            g.pool(kind, x, window, strides, padding, "output"))
one("maxpool-no-type", "MaxPool without the attribute T, as in the graph of 2015; all its values negative", (1, 6, 7, 3),
    lambda g, x: g.pool("MaxPool", g.node("Sub", [x, g.const(np.float32(2))]), (3, 3), (1, 1), "SAME", "output", T=None))

for label, axes, keep in (("keep", [1, 2], True), ("flat", [1, 2], False), ("axes-reversed", [2, 1], False),
                          ("axes-negative", [-3, -2], False)):
    attributes = {"keep_dims": keep} if keep else {}
    one(f"mean-{label}", f"Mean over {axes}, keep_dims {keep}", (1, 5, 6, 4),
        lambda g, x, axes=axes, attributes=attributes:
        g.node("Mean", [x, g.shapes(axes)], "output", Tidx=tf.int32, **attributes))

# ---- Joins, pads, products, shapes -----------------------------------------------------------------------------------


def branches(g, x):
    return [g.conv(x, (1, 1, 3, 2)), g.conv(x, (3, 3, 3, 4)), g.pool("MaxPool", x, (3, 3), (1, 1), "SAME")]


one("concat-old", "Concat: its dimension is the first input", (1, 5, 6, 3),
    lambda g, x: g.node("Concat", [g.shapes(3), *branches(g, x)], "output", N=3), 0)
for label, axis in (("channels", 3), ("last", -1)):
    one(f"concatv2-{label}", f"ConcatV2 along {axis}", (1, 5, 6, 3), lambda g, x, axis=axis:
        g.node("ConcatV2", [*branches(g, x), g.shapes(axis)], "output", N=3, Tidx=tf.int32))
for label, axis in (("height", 1), ("width", 2)):
    one(f"concatv2-{label}", f"ConcatV2 along {axis}: {label}", (1, 5, 6, 3), lambda g, x, axis=axis:
        g.node("ConcatV2", [g.conv(x, (1, 1, 3, 3)), x, g.shapes(axis)], "output", N=2, Tidx=tf.int32))


def pad(g, x, amounts, dtype=tf.int32, name=None):
    return g.node("Pad", [x, g.shapes(amounts, dtype=dtype.as_numpy_dtype)], name, Tpaddings=dtype)


SIDES = [[0, 0], [1, 2], [3, 0], [0, 0]]
one("pad", "Pad of height and width by unequal amounts, alone", (1, 4, 5, 3), lambda g, x: pad(g, x, SIDES, name="output"))
one("pad-channels", "Pad of channels", (1, 4, 5, 3),
    lambda g, x: pad(g, x, [[0, 0], [0, 0], [0, 0], [1, 2]], name="output"))
one("pad-conv", "Pad before Conv2D VALID, stride 2; paddings are int64", (1, 6, 7, 3), lambda g, x:
    g.conv(pad(g, x, SIDES, tf.int64), (3, 3, 3, 4), "output", (2, 2), "VALID"))
one("pad-conv-same", "Pad before Conv2D SAME: both pad", (1, 6, 7, 3), lambda g, x:
    g.conv(pad(g, x, SIDES), (3, 3, 3, 4), "output", (2, 2), "SAME"))
one("pad-maxpool", "Pad before MaxPool VALID: the zeros take part, and values are negative", (1, 6, 7, 3), lambda g, x:
    g.pool("MaxPool", pad(g, g.node("Sub", [x, g.const(np.float32(2))]), SIDES), (3, 3), (2, 2), "VALID", "output"))
one("pad-avgpool", "Pad before AvgPool VALID: the zeros are counted", (1, 6, 7, 3), lambda g, x:
    g.pool("AvgPool", pad(g, x, SIDES), (3, 3), (2, 2), "VALID", "output"))


def flat(g, x, count):
    return g.node("Reshape", [x, g.shapes([1, count])], Tshape=tf.int32)


for label, a, b in (("plain", False, False), ("transpose-b", False, True), ("transpose-a", True, False),
                    ("transpose-ab", True, True)):
    def product(g, x, a=a, b=b):
        if a:
            x = g.node("Reshape", [x, g.shapes([12, 1])], Tshape=tf.int32)
        return g.node("MatMul", [x, g.weights(*((5, 12) if b else (12, 5)))], "output", transpose_a=a, transpose_b=b)
    one(f"matmul-{label}", f"MatMul, transpose_a {a}, transpose_b {b}", (1, 12), product)

one("reshape-flatten", "Reshape [1, H*W*C] of a picture of several pixels: mixes height, width and channels; then MatMul",
    (1, 4, 5, 3), lambda g, x: g.node("MatMul", [flat(g, g.conv(x, (1, 1, 3, 2)), 40), g.weights(40, 6)], "output"))
one("reshape-minus-one", "Reshape [-1, H*W*C], placeholder with an open batch", (None, 4, 5, 3), lambda g, x:
    g.node("MatMul", [g.node("Reshape", [x, g.shapes([-1, 60], encoding="values")], Tshape=tf.int32), g.weights(60, 6)],
           "output"))
one("reshape-rest", "Reshape [1, -1], int64", (1, 3, 4, 2), lambda g, x:
    g.node("Reshape", [x, g.shapes([1, -1], dtype=np.int64, encoding="values")], "output", Tshape=tf.int64))
one("reshape-pool", "Reshape [1, C] of a pool of one pixel, as pool_3/_reshape", (1, 4, 4, 6), lambda g, x:
    g.node("Reshape", [g.pool("AvgPool", x, (4, 4), (1, 1), "VALID"), g.shapes([1, 6])], "output", Tshape=tf.int32))
one("reshape-picture", "Reshape from H x W x C to other H x W x C, then Conv2D", (1, 4, 6, 4), lambda g, x:
    g.conv(g.node("Reshape", [x, g.shapes([1, 6, 8, 2])], Tshape=tf.int32), (3, 3, 2, 3), "output"))
one("reshape-to-picture", "Reshape from a vector to H x W x C, then Conv2D", (1, 24), lambda g, x:
    g.conv(g.node("Reshape", [x, g.shapes([-1, 3, 4, 2])], Tshape=tf.int32), (3, 3, 2, 3), "output"))


def softmax_behind_shape(g, x):
    """As TF-slim's softmax of 2016: flattened, then shaped back by a Shape node."""
    logits = g.node("MatMul", [x, g.weights(8, 5)], "logits")
    softmax = g.node("Softmax", g.node("Reshape", [logits, g.shapes([-1, 5])], "Reshape", Tshape=tf.int32), "Softmax")
    return g.node("Reshape", [softmax, g.node("Shape", logits, "Shape", out_type=tf.int32)], "output", Tshape=tf.int32)


one("reshape-shape-op", "Reshape back by a Shape node, as TF-slim's softmax", (1, 8), softmax_behind_shape)


def flatten_by_pack(g, x):
    """As tf.layers.flatten: Shape, StridedSlice, Pack, Reshape."""
    scalar = [g.shapes([v], f"slice/{v}{i}") for i, v in enumerate((0, 1, 1))]
    batch = g.node("StridedSlice", [g.node("Shape", x, "Shape", out_type=tf.int32), *scalar], "slice", T=tf.int32,
                   Index=tf.int32, shrink_axis_mask=1, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0)
    shape = g.node("Pack", [batch, g.shapes(-1)], "Pack", T=tf.int32, N=2, axis=0)
    return g.node("Reshape", [x, shape], "output", Tshape=tf.int32)


one("reshape-pack", "flatten by Shape, StridedSlice, Pack and Reshape", (None, 3, 4, 2), flatten_by_pack)
one("squeeze", "Squeeze of dimensions 1 and 2 after a 1x1 convolution", (1, 3, 3, 4), lambda g, x:
    g.node("Squeeze", g.conv(g.pool("AvgPool", x, (3, 3), (1, 1), "VALID"), (1, 1, 4, 6)), "output", squeeze_dims=[1, 2]))
one("squeeze-negative", "Squeeze of dimensions -3 and -2", (1, 3, 3, 4), lambda g, x:
    g.node("Squeeze", g.pool("AvgPool", x, (3, 3), (1, 1), "VALID"), "output", squeeze_dims=[-3, -2]))
one("squeeze-height", "Squeeze of the height alone, then Reshape of the rest", (1, 1, 5, 4), lambda g, x:
    g.node("Reshape", [g.node("Squeeze", x, squeeze_dims=[1]), g.shapes([1, 20])], "output", Tshape=tf.int32))
one("softmax", "Softmax of a row", (1, 7), lambda g, x: g.node("Softmax", g.node("MatMul", [x, g.weights(7, 5)]), "output"))
one("softmax-picture", "Softmax over the channels of a picture", (1, 3, 4, 3),
    lambda g, x: g.node("Softmax", g.conv(x, (1, 1, 3, 5)), "output"))

# ---- Nodes that compute nothing --------------------------------------------------------------------------------------


def checked(g, x, name):
    g.node("CheckNumerics", x, name + "/CheckNumerics", message="Tensor had NaN or Inf values")
    return g.node("Identity", [x, f"^{name}/CheckNumerics"], name + "/control_dependency")


one("checknumerics", "Identity, and CheckNumerics beside it joined by a control edge, as in the graph of 2015", (1, 5, 5, 3),
    lambda g, x: g.node("Relu", checked(g, g.conv(x, (3, 3, 3, 4)), "conv"), "output"))
one("checknumerics-through", "CheckNumerics that the values pass through; StopGradient; NoOp and its control edge",
    (1, 5, 5, 3), lambda g, x: (
        g.node("NoOp", ["^" + x], "init", T=None),
        g.node("Relu", [g.node("StopGradient", g.node("CheckNumerics", g.conv(x, (3, 3, 3, 4)), message="bad")), "^init"],
               "output")))


@case("placeholder-default-input", "PlaceholderWithDefault as the input")
def placeholder_default_input():
    graph = Graph(seed=3)
    x = graph.node("PlaceholderWithDefault", graph.const(np.zeros((1, 4, 5, 3), np.float32), encoding="one"), "input", T=None,
                   dtype=tf.float32, shape=tf.TensorShape((1, 4, 5, 3)))
    graph.conv(x, (3, 3, 3, 4), "output")
    return graph, (1, 4, 5, 3)


one("placeholder-default-between", "PlaceholderWithDefault in the middle, as retrain.py's BottleneckInputPlaceholder",
    (1, 3, 3, 4), lambda g, x: g.node("Softmax", g.node("MatMul", [
        g.node("PlaceholderWithDefault", g.node("Mean", [x, g.shapes([1, 2])], Tidx=tf.int32), T=None, dtype=tf.float32,
               shape=tf.TensorShape((None, 4))), g.weights(4, 3)]), "output"))
one("dropout-identity", "dropout that inference left as an Identity", (1, 6),
    lambda g, x: g.node("MatMul", [g.node("Identity", x, "Dropout_1b/Identity"), g.weights(6, 4)], "output"))
one("dropout-scaled", "dropout of which a division by keep_prob 1 and a Mul by ones are left", (1, 6), lambda g, x:
    g.node("MatMul", [g.node("Mul", [g.node("RealDiv", [x, g.const(np.float32(1), "dropout/keep_prob")], "dropout/div"),
                                     g.const(np.ones((1, 6), np.float32), "dropout/Floor", "one")], "dropout/mul"),
                      g.weights(6, 4)], "output"))


def whole_dropout(g, x):
    keep = g.node("PlaceholderWithDefault", g.const(np.float32(1)), "dropout/keep_prob", T=None, dtype=tf.float32,
                  shape=tf.TensorShape(()))
    shape = g.node("Shape", x, "dropout/Shape", out_type=tf.int32)
    low, high = g.const(np.float32(0), "dropout/min"), g.const(np.float32(1), "dropout/max")
    uniform = g.node("RandomUniform", shape, "dropout/RandomUniform", T=tf.int32, dtype=tf.float32, seed=0, seed2=0)
    scaled = g.node("Mul", [uniform, g.node("Sub", [high, low], "dropout/sub")], "dropout/random/mul")
    floor = g.node("Floor", g.node("Add", [keep, g.node("Add", [scaled, low], "dropout/random")], "dropout/add"), "dropout/Floor")
    dropped = g.node("Mul", [g.node("RealDiv", [x, keep], "dropout/div"), floor], "dropout/mul")
    return g.node("MatMul", [dropped, g.weights(6, 4)], "output")


one("dropout-whole", "the whole of tf.nn.dropout with keep_prob a PlaceholderWithDefault of 1: "
    "floor(1 + random) is 1, so it changes nothing", (1, 6), whole_dropout)


def unused_beside(g, x):
    g.node("SaveV2", [g.const(np.array(b"file"), "save/name", "values", tf.string),
                      g.const(np.array([b"w"]), "save/names", "values", tf.string),
                      g.const(np.array([b""]), "save/slices", "values", tf.string),
                      g.const(np.float32(1), "save/w")], "save/SaveV2", T=None, dtypes=None)
    g.proto.node[-1].attr["dtypes"].list.type.append(tf.float32.as_datatype_enum)
    g.node("RandomUniform", g.shapes([2, 2]), "random", T=tf.int32, dtype=tf.float32)
    g.const(np.zeros(3, np.int64), "global_step")
    return g.conv(x, (3, 3, 3, 4), "output")


one("unused-beside", "operators that no network has (SaveV2, RandomUniform), and a constant, beside the network: not used",
    (1, 4, 5, 3), unused_beside)


def unused_behind(g, x):
    inner = g.node("Relu", g.conv(x, (3, 3, 3, 4)), "relu")
    g.node("HistogramSummary", [g.const(np.array(b"relu"), "tag", "values", tf.string), inner], "summary")
    g.node("L2Loss", inner, "loss")
    return g.node("Softmax", g.node("Mean", [inner, g.shapes([1, 2])], Tidx=tf.int32), "output")


one("unused-behind", "HistogramSummary and L2Loss of a value in the middle, which nothing uses", (1, 4, 5, 3), unused_behind)

# ---- Constants, order, and all together ------------------------------------------------------------------------------

for label, values, encoding, what in (
        ("content", None, "content", "tensor_content"),
        ("values", None, "values", "float_val, a number each"),
        ("one", np.full((3, 3, 2, 3), 0.125), "one", "float_val with one value for all"),
        ("tail", np.r_[np.linspace(-1, 1, 20), np.full(34, 0.25)].reshape(3, 3, 2, 3), "tail",
         "float_val of which the last stands for the rest"),
        ("none", np.zeros((3, 3, 2, 3)), "none", "no value at all: zeros")):
    one(f"const-float-{label}", f"Const, float: {what}", (1, 5, 5, 2), lambda g, x, values=values, encoding=encoding:
        g.node("BiasAdd", [g.conv(x, (3, 3, 2, 3), weights=g.weights(3, 3, 2, 3, encoding=encoding) if values is None
                                  else g.const(np.float32(values), encoding=encoding)), g.vector(3)], "output"))
for dtype in (tf.float16, tf.bfloat16, tf.float64):
    for encoding in ("content", "values"):
        what = "tensor_content" if encoding == "content" else graphdef.FIELDS[dtype]
        one(f"const-{dtype.name}-{encoding}", f"Const, {dtype.name}: {what}; then Cast to float", (1, 5, 5, 2),
            lambda g, x, dtype=dtype, encoding=encoding:
            g.conv(x, None, "output", weights=g.node("Cast", g.const(
                g.random.normal(0, 0.3, (3, 3, 2, 3)), "weights", encoding, dtype), T=None, SrcT=dtype, DstT=tf.float32)))
one("const-int-one", "Const, int32: one int_val for a vector of two", (1, 4, 4, 3), lambda g, x:
    g.node("Reshape", [g.conv(g.node("Mean", [x, g.shapes([1, 2])], Tidx=tf.int32, keep_dims=True), (1, 1, 3, 1)),
                       g.shapes([1, 1], encoding="one")], "output", Tshape=tf.int32))


def small_inception(g, x):
    """The graph of 2015 in small: its node names, its order of nodes, one mixed block, logits and softmax."""
    def conv(source, name, kernel, stride=1, padding="SAME"):
        y = g.conv(source, kernel, name + "/Conv2D", (stride, stride), padding,
                   g.weights(*kernel, name=name + "/conv2d_params"), use_cudnn_on_gpu=True)
        return g.node("Relu", checked(g, old_batch_norm(g, y, kernel[3], False, name + "/batchnorm"), name), name)

    x = conv(conv(x, "conv", (3, 3, 3, 4), 2, "VALID"), "conv_1", (3, 3, 4, 6))
    x = g.pool("MaxPool", checked(g, x, "pool"), (3, 3), (2, 2), "VALID", "pool", T=None)
    a = conv(x, "mixed/conv", (1, 1, 6, 4))
    b = conv(conv(x, "mixed/tower/conv", (1, 1, 6, 4)), "mixed/tower/conv_1", (5, 5, 4, 4))
    c = conv(g.pool("AvgPool", x, (3, 3), (1, 1), "SAME", "mixed/tower_2/pool"), "mixed/tower_2/conv", (1, 1, 6, 3))
    d = g.pool("MaxPool", checked(g, x, "mixed/tower_3/pool"), (3, 3), (1, 1), "SAME", "mixed/tower_3/pool", T=None)
    return g.node("Concat", [g.shapes(3, "mixed/join/concat_dim"), a, b, c, d], "mixed/join", N=4)


def head(g, x, window, channels, classes=5):
    x = g.pool("AvgPool", x, window, (1, 1), "VALID", "pool_3")
    x = g.node("Reshape", [x, g.shapes([1, channels], "pool_3/_reshape/shape")], "pool_3/_reshape", Tshape=tf.int32)
    x = g.node("MatMul", [x, g.weights(channels, classes, name="softmax/weights")], "softmax/logits/MatMul",
               transpose_a=False, transpose_b=False)
    x = g.node("BiasAdd", [x, g.vector(classes, name="softmax/biases")], "softmax/logits")
    return g.node("Softmax", x, "output")


def from_jpeg(g, height, width, mean, scale, **attributes):
    """DecodeJpeg to Mul, with the node names of 2015."""
    contents = g.const(np.array(b""), "DecodeJpeg/contents", "values", tf.string)
    x = g.node("DecodeJpeg", contents, "DecodeJpeg", T=None, channels=3, **attributes)
    x = g.node("Cast", x, "Cast", T=None, SrcT=tf.uint8, DstT=tf.float32)
    x = g.node("ExpandDims", [x, g.shapes(0, "ExpandDims/dim")], "ExpandDims")
    x = g.node("ResizeBilinear", [x, g.shapes([height, width], "ResizeBilinear/size")], "ResizeBilinear")
    x = g.node("Sub", [x, g.const(np.float32(mean), "Sub/y")], "Sub")
    return g.node("Mul", [x, g.const(np.float32(scale), "Mul/y")], "Mul")


OF_2015 = dict(acceptable_fraction=1.0, fancy_upscaling=True, ratio=1, try_recover_truncated=False)


@case("jpeg-inception", "the graph of 2015 in small, from DecodeJpeg to Softmax; no versions")
def jpeg_inception():
    graph = Graph(0, seed=2015)
    head(graph, small_inception(graph, from_jpeg(graph, 31, 31, 128, 0.0078125, **OF_2015)), (7, 7), 17)
    return graph, None


@case("jpeg-wide", "DecodeJpeg with its attributes left out, 24 high and 40 wide, mean 127.5, scale 1 / 127.5")
def jpeg_wide():
    graph = Graph(seed=2016)
    x = graph.conv(from_jpeg(graph, 24, 40, 127.5, 1 / 127.5), (3, 3, 3, 4), strides=(2, 2))
    graph.node("Softmax", graph.node("Mean", [graph.node("Relu", x), graph.shapes([1, 2])], Tidx=tf.int32), "output")
    return graph, None


def small_mobilenet(g, x):
    """TF-slim's MobileNet v1 in small: weights behind Identity, batch norms spelled out, 1x1 convolution for the logits."""
    def read(name, *shape):
        return g.node("Identity", g.weights(*shape, name=name), name + "/read", _class=[f"loc:@{name}"])

    def norm(x, channels, name):
        return g.node("Relu6", spelled_batch_norm(g, x, channels, "Add", name + "/BatchNorm", read=True), name + "/Relu6")

    x = norm(g.conv(x, (3, 3, 3, 4), strides=(2, 2), weights=read("Conv2d_0/weights", 3, 3, 3, 4)), 4, "Conv2d_0")
    x = norm(g.node("DepthwiseConv2dNative", [x, read("Conv2d_1_depthwise/depthwise_weights", 3, 3, 4, 1)],
                    strides=[1, 1, 1, 1], padding="SAME"), 4, "Conv2d_1_depthwise")
    x = norm(g.conv(x, None, weights=read("Conv2d_1_pointwise/weights", 1, 1, 4, 6)), 6, "Conv2d_1_pointwise")
    x = g.pool("AvgPool", x, (8, 8), (2, 2), "VALID", "Logits/AvgPool_1a/AvgPool")
    x = g.conv(g.node("Identity", x, "Logits/Dropout_1b/Identity"), None, weights=read("Logits/weights", 1, 1, 6, 5))
    x = g.node("Squeeze", g.node("BiasAdd", [x, g.vector(5)]), "Logits/SpatialSqueeze", squeeze_dims=[1, 2])
    x = g.node("Reshape", [x, g.shapes([-1, 5])], "Predictions/Reshape", Tshape=tf.int32)
    x = g.node("Softmax", x, "Predictions/Softmax")
    return g.node("Reshape", [x, g.shapes([1, 5])], "output", Tshape=tf.int32)


one("mobilenet", "MobileNet v1 in small, as TF-slim freezes it", (1, 16, 16, 3), small_mobilenet)


@case("shuffled", "MobileNet v1 in small, its nodes in another order of the file, with devices and inputs written name:0")
def shuffled():
    graph = Graph(seed=5)
    small_mobilenet(graph, graph.placeholder((1, 16, 16, 3)))
    graph.shuffle()
    for i, node in enumerate(graph.proto.node):
        node.device = "/device:CPU:0" if i % 3 else ""
        if i % 2 and node.input:
            node.input[0] += ":0"
    return graph, (1, 16, 16, 3)


@case("diamond", "one value used by three nodes, one of them twice by Add; two Consts shared by two convolutions")
def diamond():
    graph = Graph(seed=6)
    x = graph.placeholder((1, 6, 6, 4))
    weights = graph.weights(3, 3, 4, 4)
    a, b = (graph.conv(x, None, weights=weights, strides=(1, 1), padding="SAME") for _ in range(2))
    twice = graph.node("AddV2", [x, x])
    graph.node("Relu", graph.node("AddV2", [graph.node("Mul", [a, b]), twice]), "output")
    return graph, (1, 6, 6, 4)


# ---- Running ---------------------------------------------------------------------------------------------------------


def picture(width, height, seed):
    """A JPEG with smooth colours, edges and some noise, chroma halved; odd sizes, so that its last blocks are cut."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 9 + c) + np.cos(y / 7 - c) for c in range(3)], -1) * 50 + 128
    waves[height // 3:, width // 2:] = (200, 60, 30)
    pixels = np.clip(waves + random.normal(0, 6, waves.shape), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=85, subsampling="4:2:0")
    return out.getvalue()


def make(name):
    what, function = CASES[name]
    graph, shape = function()
    path = FOLDER / name
    encoded = graph.bytes()
    assert len(encoded) <= MOST_BYTES, (name, len(encoded))
    with graphdef.session(graph.proto) as session:
        if shape is None:
            jpeg = picture(97, 75, sum(name.encode()))
            path.with_suffix(".jpg").write_bytes(jpeg)
            values, result = session.run(["Mul:0", "output:0"], {"DecodeJpeg/contents:0": jpeg})
        else:
            random = np.random.default_rng(sum(name.encode()))
            values = random.uniform(-1, 1, [size or 1 for size in shape]).astype(np.float32)
            result = session.run("output:0", {"input:0": values})
    assert result.dtype == np.float32 and np.isfinite(result).all() and result.std() > 0 or name == "const-int-one", name
    path.with_suffix(".pb").write_bytes(encoded)
    np.save(f"{path}.in.npy", values)
    np.save(f"{path}.out.npy", result)
    return f"| `{name}` | {what} | {' x '.join(map(str, values.shape))} | {' x '.join(map(str, result.shape))} |"


HEAD = f"""# Small GraphDefs and TensorFlow's results

Made by `tests/peers/make_graphdef_goldens.py` with TensorFlow {tf.__version__}: its own kernels, float32, no optimiser.
`NAME.in.npy` is fed to the graph's input (N x H x W x C; for `jpeg-*` it is what the node `Mul` gives for `NAME.jpg`),
`NAME.out.npy` is the value of the node `output` (four dimensions: N x H x W x C). All weights are pseudo-random.

| name | what is in it | input | output |
| --- | --- | --- | --- |
"""


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or list(CASES)
    lines = [make(name) for name in names]
    if not sys.argv[1:]:
        (FOLDER / "README.md").write_text(HEAD + "\n".join(lines) + "\n")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(names)} graphs; the folder holds {size} bytes")


if __name__ == "__main__":
    main()
