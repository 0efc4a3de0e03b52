"""The parts of compare.py from files to features, nothing cached: against Pillow and OpenVINO at their best
(peer_features.py), and int8 against f32. Not a program.

Each sample of topwork is a whole process, from its start to its end; of the peer's, loading Python's modules is not counted.
"""

import json
import os
import shutil
import statistics
import sys

import numpy as np

import duel
import part_network
import peer

TRIED = 300  # pictures on which the peer's ways are tried
BIRDS_REACH = {"f32": 0.85, "int8": 0.75}


def peer_command(folder, precision, *more):
    network = part_network.openvino_network("lite0", precision)
    return [sys.executable, duel.HERE / "peer_features.py", network, peer.shared(f"data/{folder}"), peer.WORK / "peer.npy", *more]


def best_way(samples, folder, precision):
    """The peer's fastest way, as options: kind and number of Pillow's workers, then OpenVINO's number of streams."""
    cpus = os.cpu_count()
    pools = {f"{count} {pool}": ["--pool", pool, "--workers", count]
             for pool, counts in (("thread", range(1, 2 * cpus + 1)), ("process", range(1, cpus + 1))) for count in counts}

    def best(ways):
        commands = {name: peer_command(folder, precision, *way, "--most", TRIED) for name, way in ways.items()}
        return duel.best_of(samples, commands, duel.run_alone, 1)

    pool = best(pools)
    streams = {"hint": [], f"{cpus} streams": ["--streams", cpus], "1 stream": ["--streams", 1]}
    way = best({name: pools[pool] + more for name, more in streams.items()})
    return pools[pool] + streams[way], f"Pillow in {pool}, OpenVINO by {way}"


def fresh_cache(kept, cache):
    """A cache without features, but with the calibrations."""
    def make():
        shutil.rmtree(cache, ignore_errors=True)
        shutil.copytree(kept / "calibrations", cache / "calibrations")
    return make


def ours(folder, precision, trunk="lite0"):
    """The command, and what is to be done before each sample of it (None: nothing). A calibration is an input, made once:
    where one is wanted the cache has it and nothing else."""
    part_network.calibrate(trunk, precision)
    command = [peer.TOPWORK, "features", peer.shared(f"data/{folder}"), "-o", peer.WORK / "ours.npy", "--quiet",
               *part_network.trunk_options(trunk)]
    if precision == "f32":
        return command + ["--no-cache"], None
    cache = peer.WORK / "fresh"
    return command + ["--precision", precision, "--cache", cache], fresh_cache(part_network.CALIBRATIONS, cache)


def against_peer(samples, wanted, folder, precision, reach):
    way, said = best_way(samples, folder, precision)
    command, before = ours(folder, precision)
    kept = samples.duel({"topwork": command, "peer": peer_command(folder, precision, *way)}, wanted, {"topwork": before})
    theirs = kept["peer"]
    stages = {key: round(statistics.median(s["stages"][key] for s in theirs), 3) for key in theirs[0]["stages"]}
    mine = duel.median(kept["topwork"])
    notes = [f"peer: {said}, stages (median seconds): {json.dumps(stages)}",
             f"to the whole process of the peer {mine / duel.median(theirs):.3f}, "
             f"to its pipeline alone (topwork's start-up still counted) {mine / duel.median(theirs, duel.run_alone):.3f}",
             f"peak of memory {duel.median(kept['topwork'], peak) / 1e6:.0f} MB, peer {duel.median(theirs, peak) / 1e6:.0f} MB"]
    if precision == "f32":
        notes.append(f"largest difference of features {largest_difference():.1e}")
    return duel.row(f"{folder}, files to features, {precision}, to Pillow + OpenVINO", mine,
                    duel.median(theirs, duel.without_imports), reach, notes)


def peak(sample):
    return sample["peak"]


def largest_difference():
    """Both have a row a file, topwork in its own order."""
    rows = [np.sort(np.load(peer.WORK / name), axis=0) for name in ("ours.npy", "peer.npy")]
    return float(np.abs(rows[0] - rows[1]).max())


def birds(samples, wanted):
    return [against_peer(samples, wanted, "birds", precision, BIRDS_REACH[precision])
            for precision in part_network.possible(BIRDS_REACH)]


def caltech(samples, wanted):
    return [against_peer(samples, wanted, "caltech101-mini", "f32", 1.0)]


def faces(samples, wanted):
    return [against_peer(samples, wanted, "faces", "f32", 1.0)]


def int8(samples, wanted):
    """int8 to f32, both topwork's, whole processes."""
    if part_network.possible(["int8"]) == []:
        return [duel.row_left_out("int8 to f32", "topwork has no int8")]
    rows = []
    for trunk, faster in (("inception", 3.0), ("lite0", 1.6)):
        commands, before = {}, {}
        for precision in ("f32", "int8"):
            commands[precision], before[precision] = ours("birds", precision, trunk)
        kept = samples.duel(commands, wanted, before)
        rows.append(duel.row(f"{part_network.NAMES[trunk]}, birds, files to features, int8 (left) to f32",
                             duel.median(kept["int8"]), duel.median(kept["f32"]), 1 / faster))
    return rows


def cached(samples, wanted):
    """birds again, all from the cache, against nothing cached."""
    command = [peer.TOPWORK, "features", peer.shared("data/birds"), "-o", peer.WORK / "birds.npy", "--quiet"]
    shutil.rmtree(duel.CACHE, ignore_errors=True)
    peer.topwork(*command[1:], "--cache", duel.CACHE)
    kept = samples.duel({"cold": command + ["--no-cache"], "cached": command + ["--cache", duel.CACHE]}, wanted)
    return [duel.row("birds, features cached, to nothing cached", duel.median(kept["cached"]), duel.median(kept["cold"]), 0.02)]
