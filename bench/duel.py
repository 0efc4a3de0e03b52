"""How a speed is measured here: topwork and its peer in turns, in both orders, the machine probed around each sample, the
median of the good samples; and a line of the table. Not a program: compare.py and its parts use it.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/peers"))

import peer  # noqa: E402

BAD_MOMENT = 1.15  # a probe this much slower than the fastest of the run
MOST_STOLEN = 0.01  # of the processors' time during a sample, by other virtual machines
MOST_SHOWN = 300  # characters of what a program said of itself
CACHE = peer.WORK / "cache"  # of features, for comparisons that want them cached
PROGRAMS = pathlib.Path(peer.TOPWORK).parent  # those of bench/ lie beside topwork


def arguments(description, kind, known, samples):
    """What the command line asks for, of the parts or tables `known`; `samples` where it does not say."""
    parser = argparse.ArgumentParser(description=description, epilog=f"{kind.capitalize()}s: {' '.join(known)}")
    parser.add_argument("--samples", type=int, default=samples)
    parser.add_argument("--hasty", action="store_true", help="all samples count, good or not: to see that everything works")
    parser.add_argument("names", nargs="*", metavar=kind.upper())
    given = parser.parse_args()
    for name in given.names:
        if name not in known:
            parser.error(f"no {kind} '{name}': there are {' '.join(known)}")
    if given.samples < 1:
        parser.error("--samples wants 1 or more")
    peer.WORK.mkdir(parents=True, exist_ok=True)
    return given


def stolen_seconds():
    """Seconds of processor time that other virtual machines took while this one wanted to run; 0 where nobody says."""
    try:
        fields = pathlib.Path("/proc/stat").read_text().split("\n")[0].split()
        return int(fields[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return 0.0


class Samples:
    """Takes samples of commands, each between two probes of the machine."""

    def __init__(self, hasty=False):
        """hasty: all samples count, good or not."""
        self.hasty = hasty
        self.fastest = [float("inf"), float("inf")]
        self.last = None
        self.all = []

    def probe(self):
        done = subprocess.run([PROGRAMS / "bench_probe"], stdout=subprocess.PIPE, check=True)
        times = [float(word) for word in done.stdout.split()]
        self.fastest = [min(pair) for pair in zip(self.fastest, times)]
        return times

    def take(self, name, command, before=None):
        """One sample; whether it is good is only known at the end. before: called first, not timed."""
        if before is not None:
            before()
        probed = self.last or self.probe()
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        stolen = stolen_seconds()
        begun = time.perf_counter()
        done = subprocess.run([PROGRAMS / "bench_run", peer.WORK / "peak", *map(str, command)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment)
        seconds = time.perf_counter() - begun
        stolen = (stolen_seconds() - stolen) / (seconds * os.cpu_count())
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stderr.decode()}")
        self.last = self.probe()
        stages = json.loads(done.stdout) if done.stdout.startswith(b"{") else {}
        sample = {"name": name, "seconds": seconds, "peak": int((peer.WORK / "peak").read_text()),
                  "stolen": stolen, "probes": [probed, self.last], "stages": stages}
        self.all.append(sample)
        print(f"  {name}: {seconds:.3f} s {json.dumps(stages)[:MOST_SHOWN] if stages else ''}", file=sys.stderr, flush=True)
        return sample

    def good(self, sample):
        return self.hasty or (sample["stolen"] <= MOST_STOLEN and all(
            time <= BAD_MOMENT * best for probe in sample["probes"] for time, best in zip(probe, self.fastest)))

    def duel(self, commands, wanted, before=None):
        """Runs the named commands in turns, both orders, until each has `wanted` good samples; {name: good samples}.
        before: {name: what is done before each sample of it, not timed}."""
        first = len(self.all)
        names = list(commands)
        for turn in range(4 * wanted):
            for name in names if turn % 2 == 0 else reversed(names):
                self.take(name, commands[name], (before or {}).get(name))
            kept = {name: [s for s in self.all[first:] if s["name"] == name and self.good(s)] for name in names}
            if min(map(len, kept.values())) >= wanted:
                return kept
        print("  the machine was never quiet for long enough: all samples are used", file=sys.stderr)
        return {name: [s for s in self.all[first:] if s["name"] == name] for name in names}


def median(samples, seconds=lambda sample: sample["seconds"]):
    return statistics.median(map(seconds, samples))


def best_of(samples, commands, seconds, times=2):
    """The name of the fastest of some ways to run a peer, by so many samples each."""
    seen = {name: min(seconds(samples.take(f"peer, {name}", command)) for _ in range(times))
            for name, command in commands.items()}
    return min(seen, key=seen.get)


def without_imports(sample):
    return sample["seconds"] - sample["stages"]["imports"]


def run_alone(sample):
    return sample["stages"]["run"]


# ---- Lines of the table -----------------------------------------------------------------------------------------------

UNITS = {"s": (1, "s"), "ms": (1e3, "ms"), "MB": (1e-6, "MB")}


def shown(value, unit):
    factor, name = UNITS[unit]
    return f"{factor * value:.4g} {name}"


def row(what, ours, theirs, reach, notes=(), unit="s"):
    """topwork beside a peer; reach: the largest ratio that is wanted, None: for information. ours, theirs: seconds."""
    ratio = ours / theirs
    return {"what": what, "ours": shown(ours, unit), "theirs": shown(theirs, unit), "ratio": ratio,
            "reach": "" if reach is None else f"{reach:.2f}",
            "verdict": "" if reach is None else "ok" if ratio <= reach else "short", "notes": list(notes)}


def row_alone(what, ours, most, unit, notes=()):
    """topwork beside a limit of its own. ours, most: seconds or bytes."""
    return {"what": what, "ours": shown(ours, unit), "theirs": "", "ratio": None, "reach": shown(most, unit),
            "verdict": "ok" if ours <= most else "short", "notes": list(notes)}


def row_left_out(what, why):
    return {"what": what, "ours": "", "theirs": "", "ratio": None, "reach": "", "verdict": "left out", "notes": [why]}


def row_least(what, ours, least):
    return {"what": what, "ours": f"{ours:.4f}", "theirs": "", "ratio": None, "reach": f"{least:.3f} or more",
            "verdict": "ok" if ours >= least else "short", "notes": []}
