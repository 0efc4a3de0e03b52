"""What the comparisons share: where things are, how topwork is called, and Pillow's way of reading a picture.

Not a program. Needs the environment that venv.sh makes; the reference data is $TOPWORK_SHARED or ../shared.
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
from PIL import Image, ImageOps

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("TOPWORK_SHARED", ROOT.parent / "shared"))
TOPWORK = os.environ.get("TOPWORK", str(ROOT / "build/release/bin/topwork"))
TRUNK = ROOT / "models/efficientnet-lite0"
WORK = ROOT / "build/bench"


def shared(relative):
    """The path of a piece of reference data; ends the program when it is not there."""
    path = SHARED / relative
    if not path.exists():
        sys.exit(f"{path} is not there: set TOPWORK_SHARED to the folder of reference data")
    return path


def topwork(*arguments, input=None):
    """Runs topwork and returns its stdout; ends the program with topwork's own words when it fails."""
    command = [TOPWORK, *map(str, arguments)]
    done = subprocess.run(command, input=input, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexit status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def member(tree, dotted):
    """tree['a']['b'] for 'a.b', and tree['a.b'] if keys are written that way."""
    if dotted in tree:
        return tree[dotted]
    for key in dotted.split("."):
        tree = tree[key]
    return tree


def unescape(text):
    """topwork's escapes of text and TSV: backslash, tab, newline, return."""
    names = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: names[match[1]], text)


def read_features(npy, tsv):
    """Rows as float32, their paths and classes, from what `topwork features` writes."""
    lines = tsv.read_text().split("\n")
    head = lines[0].split("\t")
    cells = [line.split("\t") for line in lines[1:] if line]
    paths = [unescape(cell[head.index("path")]) for cell in cells]
    classes = [unescape(cell[head.index("class")]) for cell in cells]
    rows = np.load(npy).astype(np.float32)
    assert len(rows) == len(paths), (npy, len(rows), len(paths))
    return rows, paths, classes


def read_predictions(report):
    """predictions.csv of a report folder, as dictionaries with path, part, label, prediction, probability."""
    with open(report / "predictions.csv", newline="") as file:
        return list(csv.DictReader(file))


def rows_of(paths, folder, predictions):
    """For each prediction the index of its row of features; paths may be given with the folder or without."""
    def plain(path):
        path = os.path.normpath(path)
        return os.path.relpath(path, folder) if path.startswith(str(folder)) else path

    index = {plain(path): i for i, path in enumerate(paths)}
    return [index[plain(line["path"])] for line in predictions]


class Preprocessing:
    """The shipped trunk's preprocessing with Pillow, from the canonical text in its trunk.json or a model's metadata.

    These few lines are the ones that the documentation gives: two resizes, one axis each, agree in every Pillow.
    """

    def __init__(self, text):
        field = dict(part.split("=", 1) for part in text.split())
        expected = dict(dct="islow", upsampling="fancy", orientation="exif", icc="ignored", cmyk="pillow", alpha="white",
                        rounding="u8", geometry="crop", colour="rgb", layout="nchw")
        for name, value in expected.items():
            assert field[name] == value, f"these lines do not do {name}={field[name]}"
        self.side = int(field["size"].split("x")[0])
        self.shorter = round(self.side / float(field["crop"]))
        self.filter = getattr(Image.Resampling, field["filter"].upper())
        self.mean = np.array([float(v) for v in field["mean"].split(",")], np.float32)
        self.scale = np.array([float(v) for v in field["scale"].split(",")], np.float32)

    def pixels(self, path):
        """height x width x 3, 8 bits."""
        picture = ImageOps.exif_transpose(Image.open(path))
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture)
        picture = picture.convert("RGB")
        width, height = picture.size
        scale = self.shorter / min(width, height)
        new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
        picture = picture.resize((new_width, height), self.filter).resize((new_width, new_height), self.filter)
        left, top = (new_width - self.side) // 2, (new_height - self.side) // 2
        return np.asarray(picture.crop((left, top, left + self.side, top + self.side)))

    def tensor(self, path):
        """1 x 3 x height x width, float32."""
        return ((self.pixels(path) - self.mean) * self.scale).transpose(2, 0, 1)[None]


def trunk_preprocessing():
    return Preprocessing(json.loads((TRUNK / "trunk.json").read_text())["preprocessing"])


def pictures_in(folder):
    """All files below the folder, class by class, in byte order."""
    return sorted(str(path) for path in pathlib.Path(folder).rglob("*") if path.is_file())


def table(head, lines):
    """A Markdown table."""
    out = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    return "\n".join(out + ["| " + " | ".join(map(str, line)) + " |" for line in lines])
