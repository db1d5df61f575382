#!/usr/bin/env python3
"""Annotation files of `san segment --save …`, read back by readers that were written from the formats' own texts and share
no code with the program: numpy for arithmetic, Pillow for PNG.

usage: formats.py SAN
"""

import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    from PIL import Image
except ImportError:
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", "-B", *sys.argv])
    print("skipped: python3-numpy and python3-pil are missing")
    sys.exit(77)

CLASSES = ["cat", "sofa", "wall", 'a "quoted", naïve 名']
TOLERANCE = 1.5


def picture(path, height, width, seed):
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([x * 3 + seed * 50, y * 4, (x // 16 + y // 16) % 2 * 200], axis=-1) % 256
    Image.fromarray(image.astype(np.uint8)).save(path)


def rle_counts(text):
    """The string of COCO's masks: numbers in groups of five bits, the sixth says that more follow; from the third on each
    is told as the difference to the one but last before it."""
    counts, at = [], 0
    while at < len(text):
        value, shift, more = 0, 0, True
        while more:
            c = ord(text[at]) - 48
            assert 0 <= c < 64
            value |= (c & 31) << shift
            more = bool(c & 32)
            at += 1
            shift += 5
        if c & 16:
            value |= -1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
    return counts


def rle_mask(rle):
    height, width = rle["size"]
    counts = rle_counts(rle["counts"])
    assert sum(counts) == height * width and min(counts) >= 0
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T  # column after column


def inside(rings, height, width):
    """Pixels whose centre lies inside an odd number of rings."""
    mask = np.zeros((height, width), bool)
    x = np.arange(width) + 0.5
    for y in range(height):
        odd = np.zeros(width, bool)
        for ring in rings:
            ring = np.asarray(ring, float)
            a, b = ring, np.roll(ring, -1, axis=0)
            crossing = (a[:, 1] <= y + 0.5) != (b[:, 1] <= y + 0.5)
            a, b = a[crossing], b[crossing]
            at = a[:, 0] + (y + 0.5 - a[:, 1]) * (b[:, 0] - a[:, 0]) / (b[:, 1] - a[:, 1])
            odd ^= (at[:, None] <= x).sum(axis=0) % 2 == 1
        mask[y] = odd
    return mask


def from_borders(labels):
    """The distance of every pixel's centre from the nearest side between two labels, up to 6 pixels."""
    height, width = labels.shape
    sides = []
    for y, x in np.argwhere(labels[:, 1:] != labels[:, :-1]):
        sides.append((x + 1, y, x + 1, y + 1))
    for y, x in np.argwhere(labels[1:] != labels[:-1]):
        sides.append((x, y + 1, x + 1, y + 1))
    distance = np.full(labels.shape, 6.0)
    for x0, y0, x1, y1 in sides:
        top, left = max(0, y0 - 7), max(0, x0 - 7)
        yy, xx = np.mgrid[top:min(height, y1 + 7), left:min(width, x1 + 7)] + 0.5
        d = np.hypot(xx - np.clip(xx, x0, x1), yy - np.clip(yy, y0, y1))
        view = distance[top:min(height, y1 + 7), left:min(width, x1 + 7)]
        np.minimum(view, d, out=view)
    return distance


def near(found, labels, what, slack=0.0):
    """Where they differ, a border is no farther than the tolerance."""
    wrong = found != labels
    assert wrong.mean() < 0.2, f"{what}: {wrong.mean():.1%} of the pixels differ"
    farthest = from_borders(labels)[wrong].max() if wrong.any() else 0.0
    assert farthest <= TOLERANCE + slack, f"{what}: a label differs {farthest} pixels from the next border"
    print(f"{what}: {wrong.mean():.2%} of the pixels differ, at most {farthest:.2f} pixels from a border")


def run(san, folder, *arguments):
    done = subprocess.run([san, "segment", *arguments, "--quiet", "--model", "formula:tiny", "--threads", "1"], cwd=folder,
                          env={**os.environ, "SAN_CACHE_DIR": os.path.join(folder, "cache")}, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_coco(out, labels):
    document = json.load(open(out + "/coco.json"))
    assert [c["name"] for c in document["categories"]] == CLASSES
    ids = [a["id"] for a in document["annotations"]]
    assert len(set(ids)) == len(ids) and len(document["images"]) == len(labels)
    for image in document["images"]:
        truth = labels[image["file_name"]]
        assert (image["height"], image["width"]) == truth.shape
        found = np.full(truth.shape, -1)
        for a in document["annotations"]:
            if a["image_id"] != image["id"]:
                continue
            mask = rle_mask(a["segmentation"])
            assert (found[mask] == -1).all(), "masks of one picture overlap"
            found[mask] = a["category_id"] - 1
            assert a["area"] == mask.sum() and a["iscrowd"] == 0
            rows, columns = np.where(mask.any(axis=1))[0], np.where(mask.any(axis=0))[0]
            assert a["bbox"] == [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
        assert (found == truth).all()
    print("coco: exact")


def check_datumaro(out, labels):
    document = json.load(open(out + "/datumaro.json"))
    assert [c["name"] for c in document["categories"]["label"]["labels"]] == CLASSES
    assert len(document["categories"]["mask"]["colormap"]) == len(CLASSES)
    assert len(document["items"]) == len(labels)
    for item in document["items"]:
        truth = labels[item["image"]["path"]]
        assert tuple(item["image"]["size"]) == truth.shape
        found = np.full(truth.shape, -1)
        for a in item["annotations"]:
            assert a["type"] == "mask"
            found[rle_mask(a["rle"])] = a["label_id"]
        assert (found == truth).all()
    print("datumaro: exact")


def check_yolo(out, stem, truth):
    lines = open(f"{out}/labels/{stem}.txt").read().splitlines()
    found = np.full(truth.shape, -1)
    height, width = truth.shape
    for line in lines:
        label, *numbers = line.split()
        points = np.asarray(numbers, float).reshape(-1, 2)
        assert len(points) >= 3 and points.min() >= 0 and points.max() <= 1
        # Six decimals of a share: a thousandth of a pixel. Corners lie on whole pixels.
        points = np.round(points * [width, height] * 100) / 100
        found[inside([points], height, width)] = int(label)
    near(found, truth, f"yolo {stem}")
    names = open(f"{out}/data.yaml").read()
    assert "  0: \"cat\"\n" in names and names.count("\n  ") == len(CLASSES)


def check_painted(shapes, points, truth, what):
    """Outlines painted in their order, the later ones over the earlier."""
    found = np.full(truth.shape, -1)
    for shape in shapes:
        found[inside([shape[points]], *truth.shape)] = CLASSES.index(shape["label"])
    near(found, truth, what)


def check_cityscapes(out, stem, truth):
    base = f"{out}/cityscapes/{stem}_gtFine_"
    assert (np.asarray(Image.open(base + "labelIds.png")) == truth).all()
    color = np.asarray(Image.open(base + "color.png"))
    for k in range(len(CLASSES)):
        assert len(np.unique(color[truth == k].reshape(-1, 3), axis=0)) <= 1
    document = json.load(open(base + "polygons.json"))
    assert (document["imgHeight"], document["imgWidth"]) == truth.shape
    check_painted(document["objects"], "polygon", truth, f"cityscapes {stem}")


def check_labelme(out, folder, stem, name, truth):
    path = f"{out}/labelme/{stem}.json"
    document = json.load(open(path))
    assert (document["imageHeight"], document["imageWidth"]) == truth.shape
    assert os.path.samefile(os.path.join(os.path.dirname(path), document["imagePath"]), os.path.join(folder, name))
    assert all(s["shape_type"] == "polygon" and len(s["points"]) >= 3 for s in document["shapes"])
    check_painted(document["shapes"], "points", truth, f"labelme {stem}")


def check_geojson(out, stem, truth):
    document = json.load(open(f"{out}/{stem}.geojson"))
    assert document["type"] == "FeatureCollection" and document["tolerance_pixels"] == TOLERANCE
    found = np.full(truth.shape, -1)
    for feature in document["features"]:
        rings = feature["geometry"]["coordinates"]
        for i, ring in enumerate(rings):
            assert ring[0] == ring[-1] and len(ring) >= 4
            a = np.asarray(ring, float)
            area = (a[:-1, 0] * a[1:, 1] - a[1:, 0] * a[:-1, 1]).sum()
            assert (area > 0) == (i == 0), "outlines anticlockwise, holes clockwise (RFC 7946)"
        assert CLASSES[feature["properties"]["class"]] == feature["properties"]["name"]
        found[inside([r[:-1] for r in rings], *truth.shape)] = feature["properties"]["class"]
    near(found, truth, f"geojson {stem}")


def main(san):
    with tempfile.TemporaryDirectory() as folder:
        names = ["one.png", "two.png"]
        picture(folder + "/one.png", 90, 130, 1)
        picture(folder + "/two.png", 121, 77, 3)
        open(folder + "/classes.txt", "w").write("\n".join(CLASSES) + "\n")
        run(san, folder, *names, "--classes-file", "classes.txt", "--tolerance", str(TOLERANCE), "--output", "out",
            "--save", "labels,coco,yolo,cityscapes,geojson,labelme,datumaro")
        out = folder + "/out"
        labels = {name: np.asarray(Image.open(f"{out}/{name[:-4]}.labels.png")) for name in names}
        assert all(len(np.unique(l)) > 1 for l in labels.values()), "pictures of one label show nothing"
        check_coco(out, labels)
        check_datumaro(out, labels)
        for name, truth in labels.items():
            stem = name[:-4]
            check_yolo(out, stem, truth)
            check_cityscapes(out, stem, truth)
            check_labelme(out, folder, stem, name, truth)
            check_geojson(out, stem, truth)


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
