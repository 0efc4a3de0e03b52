"""The parts of compare.py about the bare network, without pictures: many at a time and one on all processors, by precision,
against OpenVINO (its best of several numbers of streams), ONNX Runtime and TensorFlow. Each side times itself. Not a program.
"""

import os
import subprocess
import sys

import duel
import peer
import tutorial_graph

PEERS = peer.WORK / "peers"  # networks as peer_prepare.py makes them
PRECISIONS = ("f32", "bf16", "int8")
CALIBRATIONS = peer.WORK / "calibrations"
CALIBRATED = set()  # (trunk, precision) in this run
NAMES = {"inception": "Inception v3", "lite0": "EfficientNet-Lite0"}
# The largest ratios to OpenVINO that are wanted.
REACH = {"inception": {"many": {"f32": 0.87, "bf16": 0.97, "int8": 0.97}, "one": {"f32": 0.88, "bf16": 0.96, "int8": 0.90}},
         "lite0": {"many": {"f32": 0.90, "bf16": 0.90, "int8": 0.95}, "one": {"f32": 0.85, "bf16": 0.85, "int8": 0.85}}}
HOW = {"many": "many at a time", "one": "one on all cores"}
OURS = {"many": "network_seconds_many", "one": "network_seconds_all_cores"}
MANY_WAYS = ["hint", *dict.fromkeys((1, 2, os.cpu_count(), 2 * os.cpu_count()))]
ONE_WAYS = ["hint", "threads"]


def graph_of(trunk):
    if trunk == "lite0":
        return peer.TRUNK / "efficientnet-lite0.onnx"
    return tutorial_graph.archive() / tutorial_graph.GRAPH


def trunk_options(trunk):
    """What names the trunk to topwork."""
    return [] if trunk == "lite0" else ["--trunk", graph_of(trunk)]


def openvino_network(trunk, precision):
    """The network as OpenVINO's; made when it is not there."""
    PEERS.mkdir(parents=True, exist_ok=True)
    plain, small = PEERS / f"{trunk}.xml", PEERS / f"{trunk}-int8.xml"
    if not (plain.exists() and small.exists()):
        print(f"  making {NAMES[trunk]} for OpenVINO", file=sys.stderr)
        command = [sys.executable, duel.HERE / "peer_prepare.py", trunk, graph_of(trunk), peer.shared("data/birds"), plain, small]
        subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return small if precision == "int8" else plain


def precision_options(precision):
    """What asks topwork for it; the calibration, of birds, is kept in a cache of its own."""
    return [] if precision == "f32" else ["--precision", precision, "--cache", CALIBRATIONS]


def calibrate(trunk, precision):
    """Once a run and anew, so that no sample makes a calibration, and none of an earlier program is measured."""
    if precision == "f32" or (trunk, precision) in CALIBRATED:
        return
    print(f"  calibrating {NAMES[trunk]} for {precision}", file=sys.stderr)
    peer.topwork("features", peer.shared("data/birds"), "-o", peer.WORK / "calibrated.npy", "--quiet", "--recalibrate",
                 *trunk_options(trunk), *precision_options(precision))
    CALIBRATED.add((trunk, precision))


def why_not(precision):
    """Why this processor does not do a precision; None: it does. bf16 falls back to f32 in both, which says nothing."""
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "").split()
    if precision == "bf16" and not {"avx512_bf16", "amx_bf16"} & set(flags):
        return "the processor has no instructions for bfloat16"
    return None


def possible(precisions):
    """Those that topwork can be asked for."""
    says = subprocess.run([peer.TOPWORK, "features", "--help"], check=True, capture_output=True, text=True).stdout
    return [precision for precision in precisions if precision == "f32" or "--precision" in says]


def streams(samples, network, precision):
    """The ways in which OpenVINO is fastest, {many, one}, and a note that says so."""
    def command(*more):
        return [sys.executable, duel.HERE / "peer_network.py", "openvino", network, *more]

    hint = ["--precision", precision if precision == "bf16" else "f32"]
    best = {}
    for how, ways in (("many", MANY_WAYS), ("one", ONE_WAYS)):
        best[how] = duel.best_of(samples, {str(way): command(*hint, f"--{how}", way) for way in ways},
                                 lambda sample: sample["stages"][how], 1)
    note = f"OpenVINO: many by {words(best['many'])}, one by {words(best['one'])}"
    return command(*hint, "--many", best["many"], "--one", best["one"]), note


def words(way):
    return {"hint": "its performance hint", "threads": "one stream"}.get(way, f"{way} streams")


def others(trunk):
    """The peers beside OpenVINO, in f32."""
    name, word = ("ONNX Runtime", "onnxruntime") if trunk == "lite0" else ("TensorFlow", "tensorflow")
    return {name: [sys.executable, duel.HERE / "peer_network.py", word, graph_of(trunk)]}


def compare(samples, wanted, trunk, precision):
    what = f"{NAMES[trunk]}, {precision}, network"
    why = why_not(precision)
    if why is not None:
        return [duel.row_left_out(what, why)]
    calibrate(trunk, precision)
    openvino, note = streams(samples, openvino_network(trunk, precision), precision)
    peers = {"OpenVINO": openvino} | (others(trunk) if precision == "f32" else {})
    mine = [peer.TOPWORK, "bench", "--json", "--quiet", *trunk_options(trunk)] + precision_options(precision)
    kept = samples.duel({"topwork": mine} | peers, wanted)
    rows = []
    for how in HOW:
        ours = duel.median(kept["topwork"], lambda s: s["stages"]["precisions"][0][OURS[how]])
        for name in peers:
            reach = REACH[trunk][how][precision] if name == "OpenVINO" else 1.0
            rows.append(duel.row(f"{what}, {HOW[how]}, to {name}", ours, duel.median(kept[name], lambda s: s["stages"][how]),
                                 reach, [note] if name == "OpenVINO" and how == "many" else [], "ms"))
    return rows


def network(samples, wanted, trunk):
    return [row for precision in possible(PRECISIONS) for row in compare(samples, wanted, trunk, precision)]


def inception(samples, wanted):
    return network(samples, wanted, "inception")


def lite0(samples, wanted):
    return network(samples, wanted, "lite0")
