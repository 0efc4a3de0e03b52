"""How a speed is measured here: topwork and its peer in turns, in both orders, the machine probed around each sample, the
median of the good samples. Not a program: compare.py and start.py use it.
"""

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
MOST_SHOWN = 300  # characters of what a program said of itself
CACHE = peer.WORK / "cache"  # of features, for comparisons that want them cached


class Samples:
    """Takes samples of commands, each between two probes of the machine."""

    def __init__(self):
        self.program = peer.WORK / "probe"
        subprocess.run(["cc", "-O2", str(HERE / "probe.c"), "-o", str(self.program), "-pthread"], check=True)
        self.fastest = [float("inf"), float("inf")]
        self.last = None
        self.all = []

    def probe(self):
        times = [float(word) for word in subprocess.run([self.program], stdout=subprocess.PIPE, check=True).stdout.split()]
        self.fastest = [min(pair) for pair in zip(self.fastest, times)]
        return times

    def take(self, name, command):
        """One sample; its place in `all` is returned, since whether it is good is only known at the end."""
        before = self.last or self.probe()
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
        begun = time.perf_counter()
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=environment)
        seconds = time.perf_counter() - begun
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\nexit status {done.returncode}\n{done.stderr.decode()}")
        self.last = self.probe()
        stages = json.loads(done.stdout) if done.stdout.startswith(b"{") else {}
        sample = {"name": name, "seconds": seconds, "probes": [before, self.last], "stages": stages}
        self.all.append(sample)
        print(f"  {name}: {seconds:.3f} s {json.dumps(stages)[:MOST_SHOWN] if stages else ''}", file=sys.stderr, flush=True)
        return sample

    def good(self, sample):
        return all(time <= BAD_MOMENT * best for probe in sample["probes"] for time, best in zip(probe, self.fastest))

    def duel(self, commands, wanted):
        """Runs the named commands in turns, both orders, until each has `wanted` good samples; {name: good samples}."""
        first = len(self.all)
        names = list(commands)
        for turn in range(4 * wanted):
            for name in names if turn % 2 == 0 else reversed(names):
                self.take(name, commands[name])
            kept = {name: [s for s in self.all[first:] if s["name"] == name and self.good(s)] for name in names}
            if min(map(len, kept.values())) >= wanted:
                return kept
        print("  the machine was never quiet for long enough: all samples are used", file=sys.stderr)
        return {name: [s for s in self.all[first:] if s["name"] == name] for name in names}


def median(samples, seconds=lambda sample: sample["seconds"]):
    return statistics.median(map(seconds, samples))


def best_of(samples, commands, seconds):
    """The name of the fastest of some ways to run a peer, two samples each."""
    times = {name: min(seconds(samples.take(f"peer, {name}", command)) for _ in range(2))
             for name, command in commands.items()}
    return min(times, key=times.get)


def without_imports(sample):
    return sample["seconds"] - sample["stages"]["imports"]


def run_alone(sample):
    return sample["stages"]["run"]


def row(what, ours, theirs, reach, notes):
    """A line of the table; reach None: for information."""
    ratio = ours / theirs
    return {"what": what, "ours": ours, "theirs": theirs, "ratio": ratio, "reach": reach,
            "verdict": "" if reach is None else "OK" if ratio <= reach else "short", "notes": notes}
