"""Frozen GraphDefs written node by node, in any encoding that TensorFlow reads, and TensorFlow's answer to them.

Not a program: make_graphdef_goldens.py and check_graphdef.py use it. Nodes are written by hand rather than by TensorFlow's
functions, since those no longer write what the graphs of 2015 to 2018 hold: operators of old versions, attributes left out,
constants in every encoding. Needs tensorflow-cpu (venv.sh tensorflow).
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # TensorFlow's own kernels: the same sums on every machine
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

v1 = tf.compat.v1
# Below 9 TensorFlow still takes BatchNormWithGlobalNormalization; the graph of 2015 has no versions at all, that is 0.
OLD_PRODUCER = 8
NEW_PRODUCER = 440


class Graph:
    """A GraphDef in the making. Every method that adds a node returns its name."""

    def __init__(self, producer=NEW_PRODUCER, seed=0):
        self.proto = v1.GraphDef()
        if producer:
            self.proto.versions.producer = producer
        self.random = np.random.default_rng(seed)

    def node(self, op, inputs=(), name=None, **attributes):
        """Attributes: a DType is a type, a list of ints a list, bytes and text a string; T is float unless given;
        T=None leaves it out."""
        node = self.proto.node.add()
        node.op = op
        node.name = name or f"{op.lower()}_{len(self.proto.node)}"
        node.input.extend([inputs] if isinstance(inputs, str) else inputs)
        attributes.setdefault("T", tf.float32)
        for key, value in attributes.items():
            if value is not None:
                set_attribute(node.attr[key], value)
        return node.name

    def placeholder(self, shape, name="input", **attributes):
        return self.node("Placeholder", name=name, T=None, dtype=tf.float32, shape=tf.TensorShape(shape), **attributes)

    def const(self, values, name=None, encoding="content", dtype=None, shape=None):
        """encoding: content, values (one field a number), packed values being what a writer makes of them; one (one value
        for all), tail (the last value stands for all after it), none (no value: zeros)."""
        proto = constant(np.asarray(values), encoding, dtype)
        if shape is not None:
            proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
        return self.node("Const", name=name, T=None, dtype=tf.as_dtype(proto.dtype), value=proto)

    def weights(self, *shape, name=None, encoding="content"):
        """He's scale: values stay near 1 however deep the graph."""
        fan = max(1, int(np.prod(shape[:-1])))
        values = self.random.normal(0, (2 / fan) ** 0.5, shape).astype(np.float32)
        return self.const(values, name, encoding)

    def vector(self, size, low=-1.0, high=1.0, name=None):
        return self.const(self.random.uniform(low, high, size).astype(np.float32), name)

    def conv(self, x, kernel, name=None, strides=(1, 1), padding="SAME", weights=None, **attributes):
        """kernel: height, width, channels in, channels out."""
        weights = weights or self.weights(*kernel)
        return self.node("Conv2D", [x, weights], name, strides=[1, *strides, 1], padding=padding, **attributes)

    def pool(self, kind, x, size, strides, padding, name=None, **attributes):
        return self.node(kind, x, name, ksize=[1, *size, 1], strides=[1, *strides, 1], padding=padding, **attributes)

    def shapes(self, values, name=None, encoding="content", dtype=np.int32):
        """An integer vector or scalar: shapes, paddings, axes."""
        return self.const(np.array(values, dtype), name, encoding)

    def shuffle(self, seed=1):
        """The same nodes in another order of the file."""
        nodes = list(self.proto.node)
        order = np.random.default_rng(seed).permutation(len(nodes))
        copies = [v1.NodeDef.FromString(nodes[i].SerializeToString()) for i in order]
        del self.proto.node[:]
        self.proto.node.extend(copies)

    def bytes(self):
        return self.proto.SerializeToString(deterministic=True)


def set_attribute(attribute, value):
    if isinstance(value, tf.DType):
        attribute.type = value.as_datatype_enum
    elif isinstance(value, tf.TensorShape):
        attribute.shape.CopyFrom(value.as_proto())
    elif isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, float):
        attribute.f = value
    elif isinstance(value, (str, bytes)):
        attribute.s = value.encode() if isinstance(value, str) else value
    elif isinstance(value, list) and all(isinstance(item, int) for item in value):
        attribute.list.i.extend(value)
        attribute.list.SetInParent()
    elif isinstance(value, list):
        attribute.list.s.extend(item.encode() for item in value)
    else:
        attribute.tensor.CopyFrom(value)


FIELDS = {tf.float32: "float_val", tf.float64: "double_val", tf.int32: "int_val", tf.int64: "int64_val",
          tf.float16: "half_val", tf.bfloat16: "half_val", tf.string: "string_val", tf.bool: "bool_val"}


def constant(values, encoding, dtype=None):
    """A TensorProto of these numbers in the encoding that is asked for."""
    dtype = tf.as_dtype(dtype or values.dtype)
    values = values.astype(dtype.as_numpy_dtype)
    proto = tf.make_tensor_proto(values.ravel()[:1], dtype)
    proto.ClearField("tensor_content")
    proto.ClearField(FIELDS[dtype])
    proto.tensor_shape.CopyFrom(tf.TensorShape(values.shape).as_proto())
    flat = values.ravel()
    if encoding == "content":
        proto.tensor_content = flat.tobytes()
        return proto
    if encoding == "one":
        assert (flat == flat[0]).all()
        flat = flat[:1]
    elif encoding == "tail":
        last = np.flatnonzero(flat != flat[-1])
        flat = flat[:(last[-1] if len(last) else -1) + 2]
    elif encoding == "none":
        assert not flat.any()
        flat = flat[:0]
    field = getattr(proto, FIELDS[dtype])
    if dtype in (tf.float16, tf.bfloat16):
        field.extend(int(bits) for bits in flat.view(np.uint16))
    else:
        field.extend(flat.tolist())
    return proto


def session(proto, threads=1, optimise=False):
    """A TensorFlow session of a GraphDef; by default of the graph as it is: no optimiser rewrites it first. threads 0: all."""
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(proto, name="")
    config = v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    if not optimise:
        config.graph_options.rewrite_options.disable_meta_optimizer = True
        config.graph_options.optimizer_options.opt_level = v1.OptimizerOptions.L0
    return v1.Session(graph=graph, config=config)


def load(path):
    proto = v1.GraphDef()
    with open(path, "rb") as file:
        proto.ParseFromString(file.read())
    return proto


def behind_preprocessing(proto, side):
    """A copy that OpenVINO reads of a graph like that of 2015: a placeholder of side x side pixels for the nodes from
    DecodeJpeg to Mul, FusedBatchNorm for BatchNormWithGlobalNormalization without gamma, no CheckNumerics."""
    front = ("DecodeJpeg", "Cast", "ExpandDims", "ResizeBilinear", "Sub", "Mul")
    copy = Graph(producer=26)
    copy.placeholder((1, side, side, 3), "Mul")
    for node in proto.node:
        if node.name.split("/")[0] in front or node.op == "CheckNumerics":
            continue
        kept = copy.proto.node.add()
        kept.CopyFrom(node)
        inputs = [name for name in node.input if not name.startswith("^")]
        del kept.input[:]
        if node.op == "BatchNormWithGlobalNormalization":
            x, mean, variance, beta, gamma = inputs
            assert not node.attr["scale_after_normalization"].b and (gamma_of(proto, gamma) == 1).all()
            kept.op = "FusedBatchNorm"
            kept.attr["epsilon"].f = kept.attr.pop("variance_epsilon").f
            del kept.attr["scale_after_normalization"]
            kept.attr["is_training"].b = False
            inputs = [x, gamma, beta, mean, variance]
        kept.input.extend(inputs)
    return copy.proto


def gamma_of(proto, name):
    return tf.make_ndarray(next(node for node in proto.node if node.name == name).attr["value"].tensor)
