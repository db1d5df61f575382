"""compare.py labels A.png B.png: two label maps, of which at most one pixel in 200 may differ (where two classes
score the same but for rounding and the resize). compare.py areas LABELS.png AREAS.txt: the areas that segment.cpp
prints, which are those of the map.
"""

import re
import sys

import numpy as np
from PIL import Image

kind, first, second = sys.argv[1:]
labels = np.asarray(Image.open(first)).astype(np.int64)
if len(np.unique(labels)) < 2:
    sys.exit(f"{first}: one label everywhere: nothing is compared")
if kind == "labels":
    other = np.asarray(Image.open(second)).astype(np.int64)
    if labels.shape != other.shape:
        sys.exit(f"{second}: {other.shape}, expected {labels.shape}")
    different = (labels != other).mean()
    if different > 1 / 200:
        sys.exit(f"{different:.2%} of the pixels have another label")
    print(f"{1 - different:.3%} of the pixels have the label of san segment")
else:
    lines = open(second, encoding="utf-8").read().splitlines()
    areas = {int(label): int(pixels) for label, pixels in (re.findall(r"\d+", line) for line in lines)}
    expected = dict(zip(*np.unique(labels, return_counts=True)))
    if areas != expected:
        sys.exit(f"areas {areas}, expected {expected}")
    print("the same areas as segment.py")
