#!/usr/bin/env python3
"""Do the seams of --tile show? Labels of pictures in tiles that touch and in tiles that fade into each other: how often a pixel
and its right (lower) neighbour have different labels where a tile begins or ends, beside all other columns (rows); and how
many labels differ, near the seams and everywhere, from those of another tiling, moved by half a tile.

usage: seams.py SAN PICTURES CLASSES [SIDE]      PICTURES: a folder of PNGs; needs numpy and Pillow
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image


def starts(length, side, overlap):
    """Where tiles begin along one axis; docs/large-images.md."""
    if length <= side:
        return [0]
    steps = -(-(length - side) // (side - overlap))
    return [(length - side) * i // steps for i in range(steps + 1)]


def seams(length, side, overlap):
    """The last pixels before a tile begins or ends, but for the picture's own ends."""
    at = starts(length, side, overlap)
    return sorted({s - 1 for s in at[1:]} | {s + side - 1 for s in at[:-1]})


def labels_of(san, folder, classes, side, overlap):
    """File name → label map."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([san, "segment", folder, "--classes", classes, "--tile", f"{side},{overlap}", "--save", "labels", "--output",
                        out, "--quiet"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {f.name[:-len(".labels.png")]: np.asarray(Image.open(f)) for f in pathlib.Path(out).glob("*.labels.png")}


def changes(labels, side, overlap):
    """Shares of label changes across seams and across all other lines."""
    on, off = [], []
    for map_ in (labels, labels.T):
        rate = (map_[:, 1:] != map_[:, :-1]).mean(axis=0)
        lines = np.zeros(len(rate), bool)
        lines[seams(map_.shape[1], side, overlap)] = True
        on.append(rate[lines])
        off.append(rate[~lines])
    return np.concatenate(on).mean(), np.concatenate(off).mean()


def main(san, folder, classes, side=320):
    half = side // 2
    with tempfile.TemporaryDirectory() as moved:
        for file in pathlib.Path(folder).glob("*.png"):
            Image.fromarray(np.asarray(Image.open(file).convert("RGB"))[half:, half:]).save(f"{moved}/{file.name}")
        print(f"tiles of {side}; {len(os.listdir(moved))} pictures")
        print("overlap   changes at seams   elsewhere   ratio   other tiling: differ near seams   everywhere")
        for overlap in (0, side // 8, side // 4, side // 2):
            rows = []
            others = labels_of(san, moved, classes, side, overlap)
            for name, labels in labels_of(san, folder, classes, side, overlap).items():
                at, elsewhere = changes(labels, side, overlap)
                differ = labels[half:, half:] != others[name]
                near = np.zeros(differ.shape, bool)
                for axis, length in enumerate(labels.shape):
                    for line in seams(length, side, overlap):
                        place = np.arange(line - 7, line + 9) - half
                        place = place[(place >= 0) & (place < differ.shape[axis])]
                        near[place if axis == 0 else (slice(None), place)] = True
                rows.append((at, elsewhere, differ[near].mean() if near.any() else np.nan, differ.mean()))
            at, elsewhere, near, everywhere = np.nanmean(rows, axis=0)
            print(f"{overlap:7}   {at:16.4f}   {elsewhere:9.4f}   {at / elsewhere:5.2f}   {near:31.4f}   {everywhere:10.4f}")


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], *map(int, sys.argv[4:]))
