"""Damaged recipes, training checkpoints and picture files of the demo world."""
import functools
import json
import struct
import zlib

import formats as f
from cases import Case

WORLD = f.SOURCE / "configs/world"


@functools.cache
def data():
    """What the recipes below train on; paths are from the case's folder, which is where the program runs."""
    return {"data/images/p.png": f.png(32, 32, colour=2), "data/labels/p.png": f.png(32, 32), "data/classes.txt": b"cat\ndog\n", "t.safetensors": f.model_file()}


def train(name, files, *more, **changes):
    return Case("training/" + name, {**files, **data()},
                ["train", "--config", "{dir}/r.yaml", "--out", "{dir}/run", "--device", "cpu", "-j", "1", "-q", *more],
                program="san-torch", **changes)


RECIPE = {"MODEL": {"INIT": "t.safetensors"}, "DATASETS": {"TRAIN": "data"},
          "INPUT": {"CROP_SIZE": 32, "MIN_SIZE_TRAIN": [32]}, "SOLVER": {"IMS_PER_BATCH": 1, "MICRO_BATCH": 1, "MAX_ITER": 1},
          "LOSS": {"TRAIN_NUM_POINTS": 16}, "TEST": {"START": False}}


def changed(path, value):
    """RECIPE as YAML (JSON is YAML), with one value of it another."""
    section, _, key = path.partition(".")
    return json.dumps({**RECIPE, section: {**RECIPE.get(section, {}), key: value} if key else value}).encode()


def recipe_cases():
    doubling = "a0: &a0 [x,x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1},*a{i - 1}]\n" for i in range(1, 40))
    texts = {"empty": b"", "list": b"- a\n", "scalar": b"text", "doubling": doubling.encode(), "deep": b"[" * 100_000, "too_big": 1 << 24,
             "anchors": b"x:\n" + b"".join(b"- &n%d v\n" % i for i in range(2000)), "zeros": bytes(1000), "bad_utf8": b"SEED: \xff\xfe\n",
             "control": b"SEED: \x1b[31m\n", "key_map": b"? {a: b}\n: c\n", "key_bytes": b"\"\\x1b[31m\": 1\n",
             "bytes_in_value": b"MODEL: {TRAINABLE: \"\\xff\\x1b[31m\"}\n"}
    for path, value in [
            ("SURPRISE", {"a": 1}), ("SOLVER", 5), ("SOLVER.SURPRISE", 1), ("SOLVER.IMS_PER_BATCH", "many"), ("SOLVER.IMS_PER_BATCH", 0),
            ("SOLVER.IMS_PER_BATCH", -5), ("SOLVER.IMS_PER_BATCH", 1e300), ("SOLVER.IMS_PER_BATCH", 99999999999),
            ("SOLVER.IMS_PER_BATCH", 2_000_000_000), ("SOLVER.MICRO_BATCH", -1), ("SOLVER.ACCUMULATE", 0), ("SOLVER.ACCUMULATE", -3),
            ("SOLVER.MAX_ITER", -1), ("SOLVER.MAX_ITER", 1.5), ("SOLVER.BASE_LR", "fast"), ("SOLVER.BASE_LR", float("nan")),
            ("SOLVER.BASE_LR", -1), ("SOLVER.BETA2", 2), ("SOLVER.AMP", "fp64"), ("SOLVER.AMP", ["bf16"]), ("SOLVER.LR_SCHEDULER_NAME", "\x1b[31m"),
            ("INPUT.CROP_SIZE", 0), ("INPUT.CROP_SIZE", -32), ("INPUT.CROP_SIZE", 2_000_000_000), ("INPUT.MIN_SIZE_TRAIN", []),
            ("INPUT.MIN_SIZE_TRAIN", [0]), ("INPUT.MIN_SIZE_TRAIN", [1e300]), ("INPUT.MIN_SIZE_TRAIN", [2_000_000_000]),
            ("INPUT.MAX_SIZE_TRAIN", -1), ("INPUT.OBJECTS", 1_000_000), ("INPUT.SIZE", 2), ("DATASETS.VALIDATION", 7),
            ("DATASETS", {"IMAGES": "a", "CLASSES": ["a", "A"]}), ("DATASETS", {"IMAGES": "b", "CLASSES": []}), ("DATASETS", {"IMAGES": "c", "CLASSES": "x"}),
            ("DATASETS.CLASSES_FILE", 5), ("DATASETS", {"IMAGES": "nowhere", "CLASSES": ["a"]}), ("DATASETS.TRAIN", "nowhere"), ("DATASETS.PICTURES", 5),
            ("DATASETS.TRAIN", 5), ("DATALOADER.NUM_WORKERS", -1), ("DATALOADER.NUM_WORKERS", 1_000_000_000), ("DATALOADER.AHEAD", -1),
            ("DATALOADER.AHEAD", 2_000_000_000), ("LOSS.TRAIN_NUM_POINTS", 0), ("LOSS.TRAIN_NUM_POINTS", -7),
            ("LOSS.TRAIN_NUM_POINTS", 9_000_000_000_000), ("LOSS.OVERSAMPLE_RATIO", 1e300), ("LOSS.OVERSAMPLE_RATIO", -1),
            ("LOSS.IMPORTANCE_SAMPLE_RATIO", 5), ("CONTRAST.WEIGHT", 1), ("CONTRAST.IMS_PER_BATCH", 1), ("SEED", 1e300),
            ("SEED", -1), ("SEED", "x")]:
        label = "".join(c if c.isalnum() else "_" for c in str(value))[:40]
        texts[f"{path}_{label}"] = changed(path, value)
    for name, content in texts.items():
        yield train("recipe/" + name, {"r.yaml": content}, names="r.yaml|dataset|SOLVER|INPUT|DATA|LOSS|MODEL|CONTRAST|TEST|SEED|TEXT|nowhere|train|classes|data/|memory|/dev/zero")
    yield train("recipe/good", {"r.yaml": json.dumps(RECIPE).encode()}, accepts=True)


@functools.cache
def parameters_of_tiny():
    return f.tiny_parameters()


def checkpoint(state=None, stream=None, metadata=None, tensors=None):
    """One of RECIPE's runs, before its first step."""
    whole = {"step": 0, "batches": 0, "parts": 0, "loss": 0.0, "skipped": 0, "metrics_bytes": 0, "elapsed_s": 0.0, "best": 0.0,
             "has_best": False, "start": 0.0, "has_start": False, "loss_scale": 1.0, "loss_scale_age": 0, **(state or {})}
    place = {"next": 0, "batches": 0, "waiting": [], "micro_batch": 1, **(stream if isinstance(stream, dict) else {})}
    streams = json.dumps([json.dumps(place)]) if stream is None or isinstance(stream, dict) else stream
    parameters = parameters_of_tiny()
    content = {"parameters/" + k: v for k, v in parameters.items()}
    for moment in ("first/", "second/"):
        content.update({"optimizer/" + moment + k: v for k, v in parameters.items()})
    content.update(tensors or {})
    said = {"format": "san.cpp-training-1", "state": json.dumps({k: v for k, v in whole.items() if v is not None}), "stream": streams,
            "recipe": json.dumps(RECIPE, sort_keys=True, separators=(",", ":")), **(metadata or {})}
    return f.safetensors({k: v for k, v in content.items() if v is not None}, {k: v for k, v in said.items() if v is not None})


def checkpoint_cases():
    good = checkpoint()
    some = "parameters/clip_rec_head.proj"
    contents = {"empty": b"", "text": b"hello", "cut": good[:len(good) // 2], "model": f.model_file(), "hole": 1 << 34,
                "stream_deep": checkpoint(stream="[" * 100_000), "stream_none": checkpoint(metadata={"stream": None}),
                "stream_numbers": checkpoint(stream="[1]"), "stream_two": checkpoint(stream='["{}","{}"]'), "stream_bare": checkpoint(stream='[""]'),
                "stream_text": checkpoint(stream='["x"]'), "stream_inner": checkpoint(stream=json.dumps(["[" * 100_000])),
                "state_deep": checkpoint(metadata={"state": "[" * 100_000}), "state_none": checkpoint(metadata={"state": None}),
                "state_list": checkpoint(metadata={"state": "[]"}), "skipped_all": checkpoint({"skipped": 1}), "recipe": checkpoint(metadata={"recipe": "\x1b[31m"}),
                "tensor_none": checkpoint(tensors={some: None}), "tensor_shape": checkpoint(tensors={some: ("F32", [1], f.floats(1))}),
                "moment_none": checkpoint(tensors={"optimizer/first/ov_classifier.bg_embed": None}),
                "gradients": checkpoint(tensors={"gradients": ("F32", [3], f.floats(3))}), "gradients_none": checkpoint(tensors={"gradients": ("F32", [0], b"")})}
    for key, value in [("step", -1), ("step", 1e300), ("step", "x"), ("step", None), ("batches", -1), ("batches", 1e300), ("parts", 99999999999),
                       ("metrics_bytes", -1), ("metrics_bytes", 1e300), ("loss_scale_age", -1), ("has_best", 5), ("best", "x"), ("skipped", 5.5)]:
        contents[f"{key}_{value}"] = checkpoint({key: value})
    for key, value in [("next", -1), ("next", 1e300), ("batches", "x"), ("waiting", 5), ("waiting", [-1]), ("micro_batch", 0), ("micro_batch", -1),
                       ("micro_batch", 1e300), ("micro_batch", 2_000_000_000)]:
        contents[f"stream_{key}_{value}"] = checkpoint(stream={key: value})
    recipe = json.dumps(RECIPE).encode()
    for name, content in contents.items():
        yield train("checkpoint/" + name, {"run/last.checkpoint": content, "r.yaml": recipe}, "--resume",
                    names="last.checkpoint|the checkpoint", accepts=name == "stream_bare")
    yield train("checkpoint/good", {"run/last.checkpoint": good, "r.yaml": recipe}, "--resume", accepts=True)


def pictures_file(index=None, blobs=b"", claimed=None):
    text = index if isinstance(index, bytes) else json.dumps(index).encode()
    return b"SANPIC01" + struct.pack("<Q", len(text) if claimed is None else claimed) + text + blobs


def pictures_cases():
    blob = zlib.compress(bytes(8 * 8 * 4))
    source = {"style": "s", "package": "p", "licence": "l", "author": "a", "url": "u", "role": "train"}

    def one(kind=0, name="cat", origin="o", source_index=0, height=8, width=8, channels=4, size=None, **more):
        content = more.get("content", blob)
        row = [kind, name, origin, source_index, height, width, channels, len(content) if size is None else size]
        return pictures_file({"sources": more.get("sources", [source]), "pictures": [row] * more.get("times", 1)}, content * more.get("times", 1) + more.get("tail", b""))
    bomb = zlib.compress(bytes(8192 * 8192 * 4), 9)
    contents = {"empty": b"", "text": b"hello", "magic": b"SANPIC01", "claimed": pictures_file({}, claimed=2 ** 64 - 1), "claimed_more": pictures_file({}, claimed=3),
                "not_json": pictures_file(b"x"), "deep": pictures_file(b"[" * 1_000_000), "many": pictures_file(b"[" + b"1," * 17_000_000 + b"1]"), "list": pictures_file([]), "nothing": pictures_file({}),
                "types": pictures_file({"sources": 5, "pictures": 5}), "rows": pictures_file({"sources": [], "pictures": [[1]]}), "not_utf8": pictures_file(b'{"sources":["\xff"]}'),
                "role": one(sources=[{**source, "role": "\x1b[31m"}]), "source_keys": one(sources=[{}]), "kind": one(kind=99), "kind_real": one(kind=0.5), "source": one(source_index=5),
                "source_negative": one(source_index=-1), "height": one(height=8193), "height_zero": one(height=0), "height_negative": one(height=-8), "height_real": one(height=1e300),
                "width_text": one(width="8"), "channels": one(channels=3), "size_long": one(size=10_000), "size_negative": one(size=-1), "size_real": one(size=1e300), "left_over": one(tail=b"x"),
                "lie": one(height=8192, width=8192), "lies": one(height=512, width=512, times=40), "short": one(height=9), "long": one(height=7), "garbage": one(content=b"garbage" * 5),
                "bombs": one(height=8192, width=8192, content=bomb, times=17), "name_control": one(name="\x1b[31m", height=9), "cut": one()[:-3], "hole": 1 << 34}
    for name, content in contents.items():
        yield Case("world_pictures/" + name, {"x.pictures": content},
                   ["world", "render", "--output", "{dir}/out", "--pictures", "{dir}/x.pictures", "--concepts", str(WORLD / "demo.tsv"),
                    "--count", "1", "--size", "32", "--threads", "1", "--no-sheet"])


def palette_cases():
    contents = {"empty": b"", "text": b"hello\n", "few": b"1 2 3\n", "many": b"1 2 3\n" * 100_000, "range": b"1 2 300\n4 5 6\n", "negative": b"-1 2 3\n4 5 6\n", "huge": b"99999999999999999999 1 1\n" * 2,
                "hex": b"#12345\n#123456\n", "binary": bytes(range(256)) * 50, "zeros": bytes(100_000), "control": b"\x1b[31m\n", "long": b"1" * 3_000_000, "big": b"1 2 3\n" * 1_000_000, "hole": 1 << 34, "rest": b"1 2 3 4\n1 2 3\n"}
    for name, content in contents.items():
        yield Case("palette/" + name, {"p.txt": content}, ["segment", "{picture}", "-m", "{tiny}", "--classes", "cat,dog", "--palette", "{dir}/p.txt", "-o", "{dir}/out", "-j", "1", "--no-cache"])


def calibration_cases():
    good = {"format": "san calibration 1", "network": "x", "a": 0.5, "b": 1, "pictures": 3, "settings": {}, "error_of_scores": 0.1, "error_of_probabilities": 0.1}
    contents = {"empty": b"", "text": b"hello", "list": b"[]", "deep": b"[" * 500_000, "many": b"[" + b"1," * 500_000 + b"1]", "long": b"[" + b"1," * 5_000_000 + b"1]", "hole": 1 << 34, "other_network": json.dumps(good).encode(), "control": b'{"format":"\x1b[31m"}'}
    for key, value in [("a", "x"), ("a", 0), ("a", -1), ("a", 1e300), ("a", None), ("b", -1), ("b", 1e300), ("pictures", "x"), ("pictures", 1e300), ("settings", 5), ("settings", {"a": 1}), ("network", 5), ("network", "\x1b[31m"), ("format", "san calibration 9")]:
        contents[f"{key}_{value}".replace("\x1b[31m", "control")] = json.dumps({**good, key: value}).encode()
    for name, content in contents.items():
        yield Case("calibration/" + name, {"c.json": content}, ["segment", "{picture}", "-m", "{tiny}", "--classes", "cat,dog", "--calibration", "{dir}/c.json", "-o", "{dir}/out", "-j", "1", "--no-cache"])


def cases():
    yield from recipe_cases()
    yield from checkpoint_cases()
    yield from pictures_cases()
    yield from palette_cases()
    yield from calibration_cases()
