"""The full graph of 2015 as the scripts here use it: made by the reference data's tool, put beside its label files as in the
archive. Not a program.
"""

import hashlib
import shutil
import subprocess
import sys

import peer

GRAPH = "classify_image_graph_def.pb"
SHA256 = "68d07ef61b8f89619e42de72729f12ac31ad49d3b88604a976d919e47017390d"


def archive():
    """build/bench/inception-2015, filled when it is not there."""
    folder = peer.WORK / "inception-2015"
    graph = folder / GRAPH
    if graph.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    source = peer.shared("models/inception-2015")
    for name in ("cropped_panda.jpg", "imagenet_2012_challenge_label_map_proto.pbtxt",
                 "imagenet_synset_to_human_label_map.txt"):
        shutil.copyfile(source / name, folder / name)
    made = graph.with_suffix(".part")
    subprocess.run([sys.executable, peer.shared("tools/make_full_inception.py"), source / "trunk_mixed8.pb", made], check=True,
                   stdout=subprocess.DEVNULL)
    assert hashlib.sha256(made.read_bytes()).hexdigest() == SHA256, made
    made.rename(graph)
    return folder
