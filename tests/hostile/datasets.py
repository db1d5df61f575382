"""Damaged datasets, predictions, raw downloads, class lists and pictures."""
import json
import struct
import zlib

import formats as f
from cases import Case, convert

CLASSES = "cat\ndog\n"


def folder(images=1, label=None, size=(8, 8)):
    """A dataset folder with good content."""
    files = {}
    for i in range(images):
        files[f"data/images/p{i}.png"] = f.png(*size, colour=2)
        files[f"data/labels/p{i}.png"] = f.png(*size) if label is None else label
    files["data/classes.txt"] = CLASSES.encode()
    return files


def yaml_cases():
    head = "name: x\n"
    splits = "splits: {val: {images: images, labels: labels}}\n"
    good = head + "classes: [cat, dog]\n" + splits
    doubling = "a0: &a0 [x,x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]\n" for i in range(1, 40))
    texts = {
        "empty": "", "scalar": "text", "list": "- a\n", "unknown_key": good + "surprise: 1\n", "no_name": "classes: [a]\n" + splits,
        "no_classes": head + splits, "both_classes": good + "classes_file: c.txt\n", "class_twice": head + "classes: [a, a]\n" + splits,
        "class_empty": head + 'classes: [""]\n' + splits, "classes_nested": head + "classes: [[a],[b]]\n" + splits,
        "classes_unknown": head + "classes: no-such-set\n" + splits, "classes_map": head + "classes: {a: b}\n" + splits,
        "ignore_class": good + "ignore: 1\n", "ignore_range": good + "ignore: 70000\n", "ignore_text": good + "ignore: lots\n",
        "ids_count": good + "category_ids: [1]\n", "ids_twice": good + "category_ids: [1, 1]\n", "ids_text": good + "category_ids: [a, b]\n",
        "ids_overflow": good + "category_ids: [1, 99999999999999999999]\n", "short_side": good + "short_side: 0\n",
        "short_side_text": good + "short_side: wide\n", "short_side_overflow": good + "short_side: 99999999999\n",
        "splits_list": head + "classes: [a]\nsplits: [val]\n", "splits_empty": head + "classes: [a]\nsplits: {}\n",
        "split_keys": head + "classes: [a]\nsplits: {val: {images: a, labels: b, other: c}}\n", "split_half": head + "classes: [a]\nsplits: {val: {images: a}}\n",
        "default_split": good + "default_split: test\n", "extensions": good + "image_extensions: png\n", "tabs": head + "\tclasses: [a]\n",
        "unclosed": "{[", "quote": 'name: "x\n', "control": "name: \x1b[31m\n", "bad_utf8": b"name: \xff\xfe\xff\n", "null_bytes": bytes(1000),
        "anchor_doubling": doubling, "anchor_self": "&a [*a]\n", "anchor_self_map": "name: &a {x: *a}\n" + splits, "anchor_unknown": "name: *nowhere\n",
        "anchors_many": "x:\n" + "".join(f"- &n{i} v\n" for i in range(100_000)), "aliases_many": "x: &x [" + "y," * 1000 + "y]\nz: [" + "*x," * 100_000 + "*x]\n",
        "deep_flow": "[" * 100_000, "deep_map": "{a: " * 50_000, "deep_block": "".join(" " * i + "a:\n" for i in range(1500)), "deep_list": "- " * 100_000 + "x",
        "merge_keys": "a: &a {b: c}\nd:\n  <<: [" + "*a," * 10_000 + "*a]\n", "tags": "!!binary &x |\n  " + "A" * 1_000_000, "long_line": "name: " + "x" * 3_000_000,
        "many_documents": "---\na\n" * 100_000, "many_keys": "".join(f"k{i}: v\n" for i in range(200_000)), "complex_key": "? [a, b]\n: c\n",
        "images_folder_long": head + "classes: [a]\nsplits: {val: {images: " + "x" * 5000 + ", labels: labels}}\n",
        "classes_file_long": head + "classes_file: " + "x" * 5000 + "\n" + splits, "classes_file_folder": head + "classes_file: .\n" + splits,
        "classes_file_device": head + "classes_file: /dev/zero\n" + splits, "too_big": 1 << 24,
        "classes_many": head + "classes: [" + ",".join(f"c{i}" for i in range(60_000)) + "]\n" + splits,
    }
    for name, text in texts.items():
        content = text.encode() if isinstance(text, str) else text
        yield Case("yaml/" + name, {"d.yaml": content, "images/p.png": f.png(colour=2), "labels/p.png": f.png()},
                   ["evaluate", "--dataset", "{dir}/d.yaml", "--predictions", "{dir}/labels", "--output", "{dir}/out", "-q"],
                   names="d.yaml|xxxxx|dataset x|/dev/zero|{dir}")


def prediction_cases():
    good = {"file_name": "p0.png", "category_id": 0, "segmentation": {"size": [8, 8], "counts": f.rle_string([0, 64])}}

    def with_mask(size, counts):
        return [dict(good, segmentation={"size": size, "counts": counts})]
    texts = {
        "empty": b"", "object": b"{}", "text": b'"x"', "deep": b"[" * 1_000_000, "deep_object": b'[{"a":' * 300_000, "number": b"5",
        "no_keys": [{}], "category": [dict(good, category_id=77)], "category_text": [dict(good, category_id="cat")],
        "category_huge": [dict(good, category_id=1e300)], "name_type": [dict(good, file_name=5)], "size_one": with_mask([8], "x"),
        "size_60000": with_mask([60000, 60000], f.rle_string([3_600_000_000])), "size_65535": with_mask([65535, 65535], f.rle_string([65535 * 65535])),
        "size_65536": with_mask([65536, 65536], ""), "size_wide": with_mask([1, 1_000_000], f.rle_string([1_000_000])),
        "size_tall": with_mask([1_000_000, 1], f.rle_string([0, 1_000_000])),
        "size_negative": with_mask([-8, -8], f.rle_string([64])), "size_zero": with_mask([0, 0], ""), "size_overflow": with_mask([4294967304, 4294967304], f.rle_string([64])),
        "size_float": with_mask([8.5, 1e300], f.rle_string([64])), "size_text": with_mask(["8", "8"], f.rle_string([64])),
        "counts_list": with_mask([8, 8], [0, 64]), "counts_short": with_mask([8, 8], f.rle_string([3])), "counts_long": with_mask([8, 8], f.rle_string([9000])),
        "counts_cut": with_mask([8, 8], "o"), "counts_characters": with_mask([8, 8], "\u0007\u001b[31m"), "counts_huge": with_mask([8, 8], "o" * 9), "counts_many": with_mask([8, 8], "0" * 3_000_000),
        "differ": with_mask([8, 8], f.rle_string([64])) + with_mask([4, 4], f.rle_string([16])),
        "covered": with_mask([8, 8], f.rle_string([0, 64])) * 50, "covered_huge": with_mask([8000, 8000], f.rle_string([0, 64_000_000])) * 60,
        "control": [dict(good, file_name="\x1b[31m\x07.png")], "other_size": with_mask([4, 4], f.rle_string([16])), "not_utf8": b'[{"file_name":"\xff\xfe"}]',
        "cut": json.dumps([good]).encode()[:-20], "trailing": json.dumps([good]).encode() + b"x",
    }
    for name, value in texts.items():
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        yield Case("predictions/" + name, {"p.json": content, **folder()},
                   ["evaluate", "--dataset", "{dir}/data", "--predictions", "{dir}/p.json", "--output", "{dir}/out", "-q"],
                   names="p.json|p0.png")
    yield Case("predictions/control_missing", {"p.json": json.dumps([dict(good, file_name="\x1b[31m.png")]).encode(), **folder()},
               ["evaluate", "--dataset", "{dir}/data", "--predictions", "{dir}/p.json", "--output", "{dir}/out", "-q"], names="p0.png")
    labels = {"empty": b"", "text": b"hello", "size": f.png(4, 4), "colour": f.png(colour=2), "huge": f.png(65535, 65535, rows=1), "wide": f.png(1_000_000, 1, 1),
              "bits16": f.png(bits=16), "cut": f.png()[:-20], "idat": f.png(idat=b"garbage"), "chunk_before": f.png(65535, 65535, rows=1, before=struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))),
              "hole": 1 << 34}
    for name, content in labels.items():
        command = ["evaluate", "--dataset", "{dir}/data", "--predictions", "{dir}/pred", "--output", "{dir}/out", "-q"]
        yield Case("prediction_maps/" + name, {"pred/p0.png": content, **folder()}, command, names="p0.png", accepts=name == "bits16")
        yield Case("truth_maps/" + name, {"data/labels/p0.png": content, "pred/p0.png": f.png(), **{k: v for k, v in folder().items() if "labels" not in k}},
                   command, names="p0.png", accepts=name in ("bits16",))
    good_eval = {"format": "san-evaluation-2", "dataset": "d", "title": "t", "split": "s", "predictor": "p", "settings": {}, "classes": ["a", "b"], "seen": [], "unseen": [],
                 "shards": [1], "shard_count": 1, "confusion": [[0, 0, 5]], "boundary": {"both": [1, 1], "truth": [1, 1], "predicted": [1, 1]}, "reliability": [[2, 1, 65536]] * 20, "images": [["p", 0.5, 0.5]], "best": [],
                 "worst": [], "problems": [], "speed": {"wall_seconds": 1, "predict_seconds": 1, "predicted": 1}}
    for name, change in {
        "format": {"format": "x"}, "classes_many": {"classes": [f"c{i}" for i in range(60_000)]}, "classes_none": {"classes": []}, "cell": {"confusion": [[9, 9, 1]]},
        "cell_negative": {"confusion": [[-1, 0, 1]]}, "cell_short": {"confusion": [[1]]}, "shard_count": {"shard_count": 2_000_000_000}, "shard_negative": {"shard_count": -5},
        "boundary": {"boundary": {}}, "bins_few": {"reliability": []}, "bin_of_words": {"reliability": [["a"]] * 20}, "bin_more_right": {"reliability": [[1, 2, 0]] * 20}, "images": {"images": [[1, 2]]}, "base64": {"best": [{"score": ["p", 1, 1], "picture": "!!!", "truth": "", "prediction": ""}]},
        "problem": {"problems": [[99, "x", "y"]]}, "speed": {"speed": []}, "settings": {"settings": [1]}, "control": {"dataset": 5}, "shards_many": {"shards": list(range(100_000))},
    }.items():
        yield Case("evaluation/" + name, {"e.json": json.dumps({**good_eval, **change}).encode()},
                   ["evaluate", "--merge", "{dir}/e.json", "--output", "{dir}/out", "-q"], names="e.json|merge|confusion")
    for name, content in {"empty": b"", "deep": b"[" * 1_000_000, "hole": 1 << 33, "long_list": b"[" + b"1," * 20_000_000 + b"1]"}.items():
        yield Case("evaluation/" + name, {"e.json": content}, ["evaluate", "--merge", "{dir}/e.json", "--output", "{dir}/out", "-q"])


def prepare_cases():
    def prepare(name, dataset, files, **more):
        return Case("prepare/" + name, files, ["prepare", dataset, "--source", "{dir}", "--output", "{dir}/out", "-q", "--threads", "1"], **more)
    voc = {"SegmentationClassAug/a.png": f.png(), "JPEGImages/a.jpg": b"x"}
    for name, text in {"traversal": "../../etc/passwd\n", "absolute": "/etc/../passwd\n", "dots": "..\n", "long": "x" * 5000 + "\n", "very_long": "x" * 3_000_000, "control": "\x1b[31mred\x07\n",
                       "missing": "nowhere\n", "binary": "\xff\0\n", "empty": "", "slash": "/\n", "hole": None}.items():
        content = 1 << 30 if text is None else text.encode("latin1")
        yield prepare("voc_list_" + name, "voc-20", {"val.txt": content, **voc}, names="val.txt|nowhere")
    for name, label in {"empty": b"", "text": b"hello", "cut": f.png()[:-20], "colour": f.png(colour=2), "huge": f.png(65535, 65535, rows=1), "idat": f.png(idat=b"x")}.items():
        yield prepare("voc_label_" + name, "voc-20", {"SegmentationClassAug/a.png": label, "val.txt": b"a\n"}, names="a.png")
        yield prepare("coco_label_" + name, "coco-stuff-171", {"stuffthingmaps/val2017/a.png": label}, names="a.png")
        yield prepare("ade_label_" + name, "ade20k-150", {"annotations/validation/a.png": label}, names="a.png")
        yield prepare("ade_full_" + name, "ade20k-847", {"images/x/ADE_val_1_seg.png": label, "images/x/ADE_val_1.jpg": b"no picture"}, names="ADE_val_1")
    yield prepare("nothing", "voc-20", {"readme": b""}, names="{dir}")
    image = {"image_id": 1, "file_name": "a.jpg", "phase": "val", "height": 4, "width": 4}
    mask = {"image_id": 1, "category_id": 2, "segmentation": {"size": [4, 4], "counts": f.rle_string([0, 16])}}

    def merged(images=None, masks=None):
        return json.dumps({"images": [image] if images is None else images, "annos_segmentation": [mask] if masks is None else masks}).encode()

    def sized(height, width, counts, times=1):
        return merged([dict(image, height=height, width=width)], [dict(mask, segmentation={"size": [height, width], "counts": counts})] * times)
    lists = {"empty": b"", "text": b"hello", "list": b"[]", "deep": b"[" * 1_000_000, "deep_image": b'{"images":[' + b'{"a":' * 300_000, "no_images": merged([]), "no_keys": merged([{}]),
             "twice": merged([image, image]), "foreign": merged(None, [dict(mask, image_id=5)]), "types": merged([dict(image, height="4")]),
             "huge": sized(65535, 65535, f.rle_string([65535 * 65535])), "claimed": sized(16000, 16000, f.rle_string([256_000_000])), "many": sized(4000, 4000, f.rle_string([0, 16_000_000]), 300),
             "many_small": merged(None, [mask] * 100_000), "negative": sized(-4, -4, f.rle_string([16])), "zero": sized(0, 0, ""), "overflow": sized(4294967300, 4, f.rle_string([16])),
             "differ": merged(None, [dict(mask, segmentation={"size": [2, 2], "counts": f.rle_string([4])})]), "runs": sized(4, 4, f.rle_string([99])), "string": sized(4, 4, "\x1b\x07"),
             "category": merged(None, [dict(mask, category_id=70000)]), "name_path": merged([dict(image, file_name="../..")]), "name_empty": merged([dict(image, file_name="")]),
             "name_long": merged([dict(image, file_name="x" * 5000)]), "name_control": merged([dict(image, file_name="\x1b[31m.jpg")]), "cut": merged()[:-9], "hole": 1 << 34}
    for name, content in lists.items():
        yield prepare("pascal_" + name, "pascal-context-59", {"trainval_merged.json": content}, names="trainval_merged.json|a.jpg")
    v = f.mat_variable
    mats = {"empty": b"", "short": b"MATLAB", "text": b"x" * 500, "header_only": f.mat_file(), "version": f.mat_file(v(), version=0x0200), "order": f.mat_file(v(), order=b"XX"),
            "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(500), "other_name": f.mat_file(v(name=b"Other")), "class_cell": f.mat_file(v(array_class=1)), "class_struct": f.mat_file(v(array_class=2)),
            "class_char": f.mat_file(v(array_class=4)), "sparse": f.mat_file(v(array_class=5)), "complex": f.mat_file(v(flags=0x800)), "type": f.mat_file(v(kind=99)),
            "dims_three": f.mat_file(v(dims=(2, 2, 1))), "dims_one": f.mat_file(v(dims=(4,))), "dims_zero": f.mat_file(v(dims=(0, 4))), "dims_negative": f.mat_file(v(dims=(-2, -2))),
            "dims_huge": f.mat_file(v(dims=(65535, 65535))), "dims_overflow": f.mat_file(v(dims=(2147483647, 2147483647))), "dims_lie": f.mat_file(v(dims=(3, 3))), "dims_raw": f.mat_file(v(raw_dims=b"\1\2\3")),
            "values_fraction": f.mat_file(v(values=struct.pack("<4d", 1.5, 0, 0, 0), kind=9)), "values_negative": f.mat_file(v(values=struct.pack("<4h", -1, 0, 0, 0), kind=3)),
            "values_nan": f.mat_file(v(values=struct.pack("<4d", float("nan"), 0, 0, 0), kind=9)), "values_large": f.mat_file(v(values=struct.pack("<4i", 70000, 0, 0, 0), kind=5)),
            "values_huge": f.mat_file(v(values=struct.pack("<4d", 1e300, 0, 0, 0), kind=9)), "element_huge": f.mat_file(f.mat_element(14, b"", size=0xfffffff0)), "small_long": f.mat_file(struct.pack("<HH", 1, 99) + bytes(4)),
            "compressed_garbage": f.mat_file(struct.pack("<II", 15, 10) + b"garbage..." + bytes(6)), "compressed_cut": f.mat_file(f.mat_compressed(v())[:-8]), "compressed_empty": f.mat_file(struct.pack("<II", 15, 0)),
            "bomb": f.mat_file(f.mat_compressed(bytes(200 << 20))), "bombs": f.mat_file(*[f.mat_compressed(v(name=b"Other") + bytes(100 << 20))] * 20), "nested": f.mat_file(f.mat_compressed(f.mat_compressed(v()))),
            "many_variables": f.mat_file(*[v(name=b"Other")] * 100_000), "cut": f.mat_file(v())[:-6], "name_control": f.mat_file(v(name=b"\x1b[31m")), "placeholder": f.mat_file(f.mat_element(14, b"")), "hole": 1 << 34}
    for name, content in mats.items():
        yield prepare("mat_" + name, "pascal-context-459", {"trainval/a.mat": content, "trainval_merged.json": merged()}, names="a.mat")


def class_cases():
    texts = {"empty": b"", "blank": b"\n\n\n", "twice": b"cat\ncat\n", "binary": bytes(range(256)) * 50, "zeros": bytes(100_000), "control": b"\x1b[31mred\x07\n", "bad_utf8": b"\xff\xfe\n", "one_line": b"x" * 2_000_000, "entities": b"&amp;" * 500_000,
             "nested": b"&amp;amp;" * 100_000 + b"\n", "many": b"".join(b"c%d\n" % i for i in range(200_000)), "bars": b"|" * 100_000 + b"\n", "synonyms": b"|".join(b"s%d" % i for i in range(100_000)), "hole": 1 << 34, "big": b"ab\n" * (5 << 20)}
    for name, content in texts.items():
        yield Case("classes/" + name, {"c.txt": content}, ["segment", "{picture}", "-m", "{tiny}", "--classes-file", "{dir}/c.txt", "-o", "{dir}/out", "-j", "1", "--no-cache"],
                   accepts=name == "synonyms", computes=name == "synonyms")
        if name not in ("bars", "synonyms", "control", "bad_utf8"):
            yield Case("classes_evaluate/" + name, {**{k: v for k, v in folder().items() if "classes" not in k}, "data/classes.txt": content},
                       ["evaluate", "--dataset", "{dir}/data", "--predictions", "{dir}/data/labels", "--output", "{dir}/out", "-q"],
                       names="classes.txt|confusion|dataset", accepts=name in ("one_line", "entities", "nested"))


def limit_cases():
    """A file beyond a limit is refused by the option's name, and read with it."""
    command = ["segment", "{picture}", "-m", "{tiny}", "--classes-file", "{dir}/c.txt", "-o", "{dir}/out", "-j", "1", "--no-cache"]
    files = {"c.txt": b"# " + b"x" * (5 << 20) + b"\ncat\ndog\n"}
    yield Case("limits/refused", files, command, names="--limits")
    yield Case("limits/raised", files, [*command, "--limits", "2"], accepts=True)
    for value in ("0", "-1", "1001", "2.5", "x", ""):
        yield Case("limits/option_" + value, files, [*command, "--limits", value], names="--limits")


def picture_cases():
    def bmp(width, height, bits=24, compression=0, offset=54, size=40):
        return b"BM" + struct.pack("<IHHI", 54, 0, 0, offset) + struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 0, 0, 0, 0, 0)

    def jpeg(width, height, components=3):
        return (b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 8 + 3 * components, 8, height, width, components) + b"\1\x11\0" * components + b"\xff\xda\0\x08\1\1\0\0\x3f\0\xff\xd9")

    def tiff(width, height, **tags):
        entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 64, **{int(k[1:]): v for k, v in tags.items()}}
        return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", k, 4, 1, v) for k, v in sorted(entries.items())) + bytes(4)
    chunk = struct.pack(">I", 0) + b"tEXt" + struct.pack(">I", zlib.crc32(b"tEXt"))
    pictures = {
        "empty.png": b"", "text.jpg": b"hello", "header.png": b"\x89PNG\r\n\x1a\n", "zero.png": f.png(0, 0, rows=0), "huge.png": f.png(65535, 65535, rows=1), "max.png": f.png(2 ** 31 - 1, 2 ** 31 - 1, rows=0),
        "negative.png": f.png(2 ** 32 - 1, 2 ** 32 - 1, 1, rows=0, idat=b""), "before.png": f.png(60000, 60000, rows=1, before=chunk), "before_many.png": f.png(60000, 60000, rows=1, before=chunk * 10000),
        "idat.png": f.png(idat=b"garbage"), "cut.png": f.png(colour=2)[:-25], "wide.png": f.png(1_000_000, 1, 1), "strip.png": f.png(1, 1_000_000, 1), "bits.png": f.png(bits=3), "bomb.png": f.png(16000, 16000, 1, rows=15000),
        "huge.bmp": bmp(65535, 65535), "wide.bmp": bmp(1_000_000, 1), "rle.bmp": bmp(1_000_000, 1000, 8, 1), "minimum.bmp": bmp(10, -2 ** 31), "zero.bmp": bmp(0, 0), "offset.bmp": bmp(8, 8, offset=2 ** 31), "bits.bmp": bmp(8, 8, 77), "size.bmp": bmp(8, 8, size=2 ** 31),
        "huge.jpg": jpeg(65535, 65535), "zero.jpg": jpeg(0, 0), "components.jpg": jpeg(8, 8, 200), "cut.jpg": jpeg(8, 8)[:10], "markers.jpg": b"\xff\xd8" + b"\xff" * 1_000_000, "segments.jpg": b"\xff\xd8" + b"\xff\xe1\0\2" * 300_000,
        "exif.jpg": b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0\xff\xff\xff\xff" + bytes(18), "huge.tif": tiff(65535, 65535), "loop.tif": b"II*\0" + struct.pack("<I", 4), "offset.tif": b"II*\0" + struct.pack("<I", 2 ** 31), "strip.tif": tiff(1, 10_000_000), "zero.tif": tiff(0, 0),
        "samples.tif": tiff(8, 8, t277=60000), "bits.tif": tiff(8, 8, t258=64), "huge.ppm": b"P6\n65535 65535\n255\n", "zero.ppm": b"P6\n0 0\n255\n", "digits.ppm": b"P6\n" + b"9" * 1_000_000 + b" 1\n255\n", "comment.ppm": b"P6\n" + b"#" * 1_000_000, "text.ppm": b"P3\n2 2\n255\nx x x",
        "huge.webp": b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", "cut.webp": b"RIFF\x16\0\0\0WEBP", "lossless.webp": b"RIFF\x16\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\xff\xff\xff\xff\xff\xff", "hole.png": 1 << 34, "hole.jpg": 1 << 34,
    }
    for name, content in pictures.items():
        accepts = name in ("wide.png", "strip.png", "bomb.png", "wide.bmp", "offset.bmp", "components.jpg", "exif.jpg", "huge.jpg", "rle.bmp", "zero.jpg")
        yield Case("pictures/" + name, {name: content}, ["segment", "{dir}/" + name, "-m", "{tiny}", "--classes", "cat,dog", "-o", "{dir}/out", "-j", "1", "--no-cache"], accepts=accepts)
    strip = f.png(1, 100_000, 8, 2)
    for name, more in {"strip_demo": ["--preprocess", "demo"], "strip_side": ["--short-side", "8192"], "strip_both": ["--preprocess", "demo", "--short-side", "4096"],
                       "max_pixels": ["--max-pixels", "99999"], "sandboxed": ["--sandbox-decoders"]}.items():
        yield Case("pictures/" + name, {"s.png": strip}, ["segment", "{dir}/s.png", "-m", "{tiny}", "--classes", "cat,dog", "-o", "{dir}/out", "-j", "1", "--no-cache", *more],
                   accepts=name in ("strip_side", "sandboxed"))
    jpegs = {"grey_claimed": f.jpeg(16000, 16000, whole=False), "cmyk_claimed": f.jpeg(16000, 16000, 4, whole=False), "cmyk_progressive_claimed": f.jpeg(16000, 16000, 4, True, False),
             "grey_whole": f.jpeg(16000, 16000), "cmyk_whole": f.jpeg(16000, 16000, 4)}
    for name, content in jpegs.items():
        command = ["segment", "{dir}/j.jpg", "-m", "{tiny}", "--classes", "cat,dog", "-o", "{dir}/out", "-j", "1", "--no-cache", "--save", "json"]
        yield Case(f"pictures/jpeg_{name}", {"j.jpg": content}, command)
        if "claimed" in name:  # the whole ones are as good as any picture then, and take seconds
            yield Case(f"pictures/jpeg_{name}_allowed", {"j.jpg": content}, [*command, "--max-pixels", "256000000"])
    for name, content in {"cmyk": f.jpeg(1000, 1000, 4), "cmyk_progressive": f.jpeg(1000, 1000, 4, True), "cmyk_claimed_10000": f.jpeg(10_000, 10_000, 4, False, False)}.items():
        yield Case(f"pictures/jpeg_{name}", {"j.jpg": content}, ["segment", "{dir}/j.jpg", "-m", "{tiny}", "--classes", "cat,dog", "-o", "{dir}/out", "-j", "1", "--no-cache", "--save", "json"], accepts="claimed" not in name)
    for option in (["--max-pixels", "63"], ["--max-pixels", "63", "--sandbox-decoders"]):
        yield Case(f"pictures/evaluate_{len(option)}", folder(), ["evaluate", "--dataset", "{dir}/data", "--predictions", "{dir}/data/labels", "--output", "{dir}/out", "-q", *option], names="p0.png")
        yield Case(f"pictures/check_{len(option)}", folder(), ["evaluate", "--dataset", "{dir}/data", "--check", "-q", *option], names="p0.png", accepts=True)
        yield Case(f"pictures/prepare_{len(option)}", {"SegmentationClassAug/a.png": f.png(), "val.txt": b"a\n"}, ["prepare", "voc-20", "--source", "{dir}", "--output", "{dir}/out", "-q", *option], names="a.png")
    yield Case("pictures/name_long", {"x.txt": b""}, ["segment", "{dir}/" + "x" * 5000 + ".png", "-m", "{tiny}", "--classes", "cat", "-o", "{dir}/out", "--no-cache"], names="xxxxx")
    yield Case("pictures/name_control", {"a\x1b[31m\x07.png": b"x"}, ["segment", "{dir}/a\x1b[31m\x07.png", "-m", "{tiny}", "--classes", "cat", "-o", "{dir}/out", "--no-cache"], names="[31m")
    yield Case("pictures/short_side", {"x.txt": b""}, ["segment", "{picture}", "-m", "{tiny}", "--classes", "cat", "-o", "{dir}/out", "--no-cache", "--short-side", "65536"], names="--short-side|65536|cat.jpg")
    yield Case("pictures/inspect_size", {"x.txt": b""}, ["inspect", "-m", "{tiny}", "--size", "1048576x1048576"], names="memory|size", needs_memory_limit=True)


def fixture_cases():
    """The project's own fixtures, cut off and with single bits changed: most of what damage there is in the world."""
    picture = ["segment", "-m", "{tiny}", "--classes", "cat,dog", "-o", "{dir}/out", "-j", "1", "--no-cache"]

    def damaged(path):
        content = path.read_bytes()
        for share in (3, 2):
            yield f"{path.name}_cut_1_{share}", content[:len(content) // share], False
        for share in (4, 2):
            changed = bytearray(content)
            changed[len(content) * (share - 1) // share] ^= 0x5a
            yield f"{path.name}_changed_{share}", bytes(changed), True
    for path in sorted((f.SOURCE / "tests/data/image").iterdir()):
        if path.suffix in (".png", ".jpg", ".bmp", ".tif", ".ppm", ".webp"):
            for name, content, accepts in damaged(path):
                yield Case("fixtures/" + name, {path.name: content}, [*picture, "{dir}/" + path.name], accepts=accepts)
    for path in sorted((f.SOURCE / "tests/data/checkpoint").iterdir()):
        if path.suffix in (".pth", ".safetensors"):
            for name, content, _ in damaged(path):
                yield convert("fixtures/" + name, content, file=path.name)
    for path in sorted((f.SOURCE / "tests/data/eval").iterdir()):
        if path.suffix == ".mat":
            for name, content, accepts in damaged(path):
                merged = {"images": [{"image_id": 1, "file_name": "a.jpg", "phase": "val", "height": 4, "width": 4}],
                          "annos_segmentation": []}
                yield Case("fixtures/" + name, {"trainval/a.mat": content, "trainval_merged.json": json.dumps(merged).encode()},
                           ["prepare", "pascal-context-459", "--source", "{dir}", "--output", "{dir}/out", "-q", "--threads", "1"],
                           names="a.mat", accepts=accepts)


def cases():
    yield from fixture_cases()
    yield from yaml_cases()
    yield from prediction_cases()
    yield from prepare_cases()
    yield from class_cases()
    yield from limit_cases()
    yield from picture_cases()
