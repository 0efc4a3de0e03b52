"""Features of the size of Caltech-256, made at random: 30 607 rows of 2048 numbers in 257 classes of 80 to 827.

    python3 synthetic.py        writes synthetic.npy (float16, 125 MB) and synthetic.tsv; needs NumPy

Each row lies around the centre of its class, classes in groups that resemble each other; three rows in ten lie between
their own centre and another one, so that there is something to confuse. It is a test of size and of nothing else.
"""

import numpy as np

CLASSES, ROWS, FEATURES, RANK, GROUPS = 257, 30607, 2048, 400, 60

random = np.random.default_rng(1)

sizes = np.full(CLASSES, 80)
sizes[-1] = 827
weights = random.gamma(0.6, 1, CLASSES - 1)
more = np.floor((ROWS - sizes.sum()) * weights / weights.sum()).astype(int)
more[: ROWS - sizes.sum() - more.sum()] += 1
sizes[:-1] += more

spread = np.arange(1, RANK + 1) ** -0.5
mix = random.normal(0, 6 / RANK**0.5, (RANK, FEATURES))
groups = random.normal(0, 1, (GROUPS, RANK))
centres = 0.7 * groups[random.integers(0, GROUPS, CLASSES)] + 0.7 * random.normal(0, 1, (CLASSES, RANK))

labels = np.repeat(np.arange(CLASSES), sizes)
features = np.empty((ROWS, FEATURES), np.float16)
for begin in range(0, ROWS, 2000):
    own = labels[begin : begin + 2000]
    other = random.integers(0, CLASSES, len(own))
    share = np.where(random.random(len(own)) < 0.3, random.uniform(0.3, 0.75, len(own)), 0)[:, None]
    centre = (1 - share) * centres[own] + share * centres[other]
    rows = ((0.42 * centre + random.normal(0, 1, (len(own), RANK))) * spread) @ mix
    rows += 0.25 * random.normal(0, 1, rows.shape)
    features[begin : begin + 2000] = np.maximum(0.2 * rows + 0.25, 0)

np.save("synthetic.npy", features)
with open("synthetic.tsv", "w") as names:
    names.write("path\tclass\n")
    for row, label in enumerate(labels):
        names.write(f"{label + 1:03d}/{row:05d}.jpg\t{label + 1:03d}.class\n")
