"""Damaged checkpoints, model files, merges and recordings."""
import json
import struct
from pathlib import Path

import formats as f
from cases import Case, convert, inspect, verify


def safetensors_cases():
    ok = {"w": ("F32", [4], f.floats(4))}
    raw = f.raw_safetensors

    def header(text, data=bytes(16), claimed=None):
        return raw(text if isinstance(text, bytes) else text.encode(), data, claimed)

    entry = '{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'
    many = ",".join(f'"t{i}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for i in range(500_000))
    cases = {
        "empty": b"", "short": b"\1\2\3", "only_length": struct.pack("<Q", 2), "no_header": struct.pack("<Q", 0) + b"{",
        "length_beyond": header("{}", claimed=1 << 20), "length_huge": header("{}", claimed=1 << 63),
        "not_json": header("{nothing"), "json_list": header("[1, 2]"), "unclosed": header('{"w":' + entry),
        "trailing": header('{"w":' + entry + "}]"), "invalid_utf8": header(b'{"\xff\xfe":' + entry.encode() + b"}"),
        "control_name": header('{"\\u001b[31mred\\u0007":' + entry + "}"),
        "newline_name": header('{"a\\nerror: all well":' + entry + "}"),
        "twice": header('{"w":' + entry + ',"w":' + entry + "}"),
        "overlap": header('{"w":' + entry + ',"v":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'),
        "outside": header('{"w":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}'),
        "backwards": header('{"w":{"dtype":"F32","shape":[0],"data_offsets":[8,4]}}'),
        "negative_shape": header('{"w":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}'),
        "fraction_shape": header('{"w":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}'),
        "shape_overflow": header('{"w":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,16]}}'),
        "shape_huge": header('{"w":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,16]}}'),
        "shape_rank": header('{"w":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}'),
        "shape_long": header('{"w":{"dtype":"F32","shape":[' + "1," * 100_000 + '1],"data_offsets":[0,16]}}'),
        "dtype": header('{"w":{"dtype":"F8","shape":[4],"data_offsets":[0,16]}}'),
        "dtype_type": header('{"w":{"dtype":7,"shape":[4],"data_offsets":[0,16]}}'),
        "extra_key": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}}'),
        "offsets_type": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":["0","16"]}}'),
        "offsets_three": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,8,16]}}'),
        "nested": header('{"w":' + "[" * 400_000 + "]" * 400_000 + "}"),
        "nested_objects": header('{"w":' * 200_000 + "1" + "}" * 200_000),
        "metadata_type": header('{"__metadata__":{"a":1},"w":' + entry + "}"),
        "metadata_list": header('{"__metadata__":[],"w":' + entry + "}"),
        "many_tensors": header("{" + many + "}", b""),
        "deep_name": f.safetensors({"a." * 400_000 + "w": ok["w"]}),
        "long_name": f.safetensors({"a" * 5000: ok["w"]}),
        "wrapped_names": f.safetensors({"model." * 600 + "w" + str(i): ("U8", [0], b"") for i in range(200)}),
        "no_tensors": f.safetensors({}), "strange_tensors": f.safetensors(ok),
        "negative_offset": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":[-16,0]}}'),
        "float_offset": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,1e300]}}'),
        "big_number": header('{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,99999999999999999999999]}}'),
    }
    for name, content in cases.items():
        yield inspect("safetensors/" + name, content)
        if name in ("strange_tensors", "no_tensors", "wrapped_names", "many_tensors", "control_name"):
            yield convert("safetensors_convert/" + name, content, file="x.safetensors")


def model_cases():
    tiny, config = f.tiny_parameters(), f.tiny_config()

    def with_config(**changes):
        changed = json.loads(json.dumps(config))
        for key, value in changes.items():
            target = changed["clip"] if key.startswith("clip_") and key != "clip_scale" else changed
            key = key[5:] if target is not changed else key
            if value is None:
                del target[key]
            else:
                target[key] = value
        return f.model_file(config=changed)

    good = f.model_file()
    big = 10 ** 9
    cases = {
        "format": f.model_file(format="san.cpp-model-99"), "no_config": f.model_file(config="[]"),
        "config_not_json": f.model_file(config="{"), "config_deep": f.model_file(config='{"a":' * 10000 + "1" + "}" * 10000),
        "config_empty": f.model_file(config="{}"), "config_clip_list": f.model_file(config='{"clip":[]}'),
        "config_long": f.model_file(config="[" + "1," * 2_000_000 + "1]"),
        "merges_missing": f.model_file(merges=""), "merges_garbage": f.model_file(merges="one two three four\n" * 9),
        "merges_few": f.model_file(merges="a b\n"), "merges_control": f.model_file(merges="\x1b[31m\x07 b\n" * 1404),
        "merges_long_line": f.model_file(merges="a" * 1_000_000 + " b\n"),
        "templates_none": f.model_file(templates="[]"), "templates_object": f.model_file(templates="{}"),
        "templates_numbers": f.model_file(templates="[1,2]"), "templates_no_slot": f.model_file(templates='["a photo"]'),
        "templates_many": f.model_file(templates=json.dumps(["a {}."] * 100_000)),
        "templates_deep": f.model_file(templates="[" * 100_000),
        "templates_slots": f.model_file(templates=json.dumps(["{}" * 100_000]), ),
        "activation": f.model_file(activation="relu"), "activation_control": f.model_file(activation="\x1b[2J"),
        "activation_missing": f.model_file(activation=None), "no_templates": f.model_file(templates=None),
        "card_control": f.model_file(model_card="\x1b]0;title\x07"), "license_control": f.model_file(license="\x1b[2J"),
        "title_control": f.model_file(**{"extra.title": "\x1b[31m"}),
        "width": with_config(width=0), "width_big": with_config(width=big), "width_negative": with_config(width=-48),
        "width_text": with_config(width="48"), "width_float": with_config(width=1e300), "width_null": with_config(width=[]),
        "blocks": with_config(blocks=big), "heads": with_config(heads=7), "patch": with_config(patch=0),
        "image_size": with_config(image_size=65536), "queries": with_config(queries=10_000),
        "queries_big": with_config(queries=big), "supervision": with_config(supervision=[]),
        "supervision_long": with_config(supervision=list(range(100_000))), "fusion": with_config(fusion=[[99, 99]]),
        "fusion_shape": with_config(fusion=[[1]]), "fusion_text": with_config(fusion="all"),
        "fusion_overflow": with_config(fusion=[[1 << 40, 1 << 40]]), "clip_scale": with_config(clip_scale=0),
        "clip_scale_tiny": with_config(clip_scale=1e-300), "clip_scale_text": with_config(clip_scale="half"),
        "feature_layer": with_config(feature_layer=99), "unknown": with_config(surprise=1),
        "missing": with_config(width=None), "activation_absent": with_config(clip_activation=None),
        "activation_type": with_config(clip_activation=5), "clip_width": with_config(clip_width=65536),
        "clip_layers": with_config(clip_layers=1024), "context": with_config(clip_context=65536),
        "vocabulary": with_config(clip_vocabulary=4194304), "grid": with_config(clip_grid=1024),
        "short_side": with_config(short_side=65536, long_side=65536), "short_side_zero": with_config(short_side=0),
    }
    for name, content in cases.items():
        accepts = name in ("short_side", "card_control", "license_control", "title_control", "clip_scale_tiny",
                           "supervision", "merges_few")
        yield inspect("model/" + name, content, accepts=accepts and name != "supervision")
        if name not in ("short_side", "clip_scale_tiny", "templates_slots", "merges_long_line", "config_deep", "context", "queries"):
            continue
        yield Case("model_segment/" + name, {"x.safetensors": content},
                   ["segment", "{picture}", "--classes", "cat", "-m", "{dir}/x.safetensors", "-o", "{dir}/out", "-j", "1",
                    "--no-cache"], accepts=accepts and name != "supervision", names="x.safetensors|cat.jpg|pictures/")
    for cut in (9, 1000, 60_000, len(good) // 2, len(good) - 1):
        yield inspect(f"model/cut_{cut}", good[:cut])
    for key in ("side_adapter_network.query_embed", "clip_rec_head.proj", "ov_classifier.logit_scale"):
        for what, value in {"absent": None, "misshapen": ("F32", [3], f.floats(3)), "scalar": ("F32", [], f.floats(1)),
                            "rank": ("F32", [1] * 5, f.floats(1)), "integer": ("I64", tiny[key][1], tiny[key][2] * 2)}.items():
            changed = dict(tiny)
            changed[key] = value
            if value is None:
                del changed[key]
            accepts = what == "integer" or (what == "scalar" and "logit" in key)
            yield inspect(f"model/{key}_{what}", f.model_file(changed), accepts=accepts)
    extra = dict(tiny, **{"surplus\x1b[31m": ("F32", [1], f.floats(1))})
    yield inspect("model/surplus", f.model_file(extra), accepts=True)
    for name, value in {"nan": float("nan"), "infinite": float("inf"), "huge": 3e38}.items():
        yield Case("model_values/" + name, {"x.safetensors": f.model_file(
            {k: (d, s, f.floats(len(c) // 4, value)) for k, (d, s, c) in tiny.items()})},
            ["segment", "{picture}", "--classes", "cat,dog", "-m", "{dir}/x.safetensors", "-o", "{dir}/out", "-j", "1",
             "--no-cache"], accepts=True)


def torch_cases():
    t = f.tensor()
    good = f.state_dict([("w", t)])
    huge, record = 1 << 62, bytes(16)
    pickles = {
        "empty": b"", "stop": b".", "garbage": b"\xff" * 100, "unfinished": good[:-1], "number": b"K\x05.",
        "system": b"cos\nsystem\n(" + f.text("touch owned") + b"tR.",
        "system_value": f.state_dict([("w", t), ("x", b"cos\nsystem\n(" + f.text("id") + b"tR")]),
        "long_text": b"X" + struct.pack("<I", 0xffffffff) + b"abc", "long8": b"\x8d" + struct.pack("<Q", 1 << 63) + b"a",
        "marks": b"(" * 2_000_000, "pops": b"0" * 10, "dups": b"N" + b"2" * 3_000_000, "memo": b"h\x05.",
        "memo_many": b"N" + b"\x94" * 2_000_000 + b".", "lists": b"]" * 2_000_000,
        "doubling": b"]" + b"q\x00" + b"".join(b"(h\x00h\x00e" for _ in range(40)) + b".",
        "tuples": b"N" + b"\x85" * 900_000 + b".", "self": b"]q\x00h\x00a.", "bomb": b"X\x00\x00\x10\x00" + b"a" * (1 << 20) +
        b"q\x00" + b"h\x00" * 100_000 + b".", "proto": b"\x80\xff.", "frame": b"\x95" + b"\xff" * 8, "bad_int": b"I12x\n.",
        "bad_float": b"Fnope\n.", "long_int": b"L" + b"9" * 100_000 + b"L\n.", "unicode": b"V\\ud800\\uZZZZ\n.",
        "quote": b"S'unclosed\n.", "pers": b"Pstorage\n.", "binpers": b"NQ.", "no_name": b"\x93.", "reduce": b"NNR.",
        "obj": b"(o.", "build": b"N}b.", "set": b"\x8fN\x90.", "odd_dict": b"(Nd.", "additems": b"N(N\x90.",
        "list_state": b"].", "empty_dict": b"}.", "no_tensors": f.state_dict([("w", b"K\x05")]),
        "key_control": f.state_dict([("\x1b[31m\x07", t)]), "key_long": f.state_dict([("a" * 100_000, t)]),
        "size_overflow": f.state_dict([("w", f.tensor(size=(huge, huge), stride=(1, 1)))]),
        "size_negative": f.state_dict([("w", f.tensor(size=(-4,)))]), "rank": f.state_dict([("w", f.tensor(size=(1,) * 80, stride=(1,) * 80))]),
        "stride_negative": f.state_dict([("w", f.tensor(stride=(-1,)))]), "stride_huge": f.state_dict([("w", f.tensor(stride=(huge,)))]),
        "offset": f.state_dict([("w", f.tensor(offset=99))]), "offset_negative": f.state_dict([("w", f.tensor(offset=-1))]),
        "count_huge": f.state_dict([("w", f.tensor(count=huge))]), "count_negative": f.state_dict([("w", f.tensor(count=-1))]),
        "repeat": f.state_dict([("w", f.tensor(size=(1 << 40,), stride=(0,)))]), "type": f.state_dict([("w", f.tensor(kind=b"QInt8Storage"))]),
        "storage_absent": f.state_dict([("w", f.tensor(key="nowhere"))]), "storage_path": f.state_dict([("w", f.tensor(key="../../a/data.pkl"))]),
        "repeats_many": f.state_dict([(f"w{i}", f.tensor(size=(1 << 24,), stride=(0,))) for i in range(2000)]),
        "many_tensors": f.state_dict([(f"w{i}", b"N") for i in range(300_000)]),
        "strides_differ": f.state_dict([("w", f.tensor(size=(2, 2), stride=(1,)))]), "good": good,
        "model_empty": f.state_dict([("model", b"}")]),
    }
    for name, pickle in pickles.items():
        yield convert("torch_zip/" + name, f.torch_zip(pickle))
        if name in ("good", "dups", "garbage", "unfinished", "count_huge", "repeats_many", "storage_absent", "marks"):
            yield convert("torch_legacy/" + name, f.torch_legacy(pickle))
    archives = {
        "no_pickle": f.zip_file([("readme", b"hello")]), "two_pickles": f.torch_zip(good, [("b/data.pkl", good)]),
        "big_endian": f.torch_zip(good, [("a/byteorder", b"big"), ("a/data/0", record)]), "no_record": f.torch_zip(good, []),
        "record_short": f.torch_zip(good, [("a/data/0", b"abc")]), "record_long": f.torch_zip(good, [("a/data/0", bytes(1 << 20), True)]),
        "crc": f.torch_zip(good, [("a/data/0", record, False, {"crc": 1})]),
        "pickle_bomb": f.zip_file([("a/data.pkl", bytes(100 << 20), True)]),
        "bomb": f.zip_file([("a/data.pkl", good), ("a/data/0", bytes(1 << 20), True, {"size": 0xfffffff0})]),
        "encrypted": f.torch_zip(good, [("a/data/0", record, False, {"flags": 1})]),
        "method": f.torch_zip(good, [("a/data/0", record, False, {"method": 12})]),
        "offset": f.torch_zip(good, [("a/data/0", record, False, {"offset": 1 << 30})]),
        "offset_self": f.torch_zip(good, [("a/data/0", record, False, {"offset": 0})]),
        "sizes": f.torch_zip(good, [("a/data/0", record, False, {"stored": 1 << 31, "size": 1 << 31})]),
        "count": f.zip_file([("a/data.pkl", good)], count=60000), "directory": f.zip_file([("a/data.pkl", good)], directory_offset=1 << 31),
        "directory_size": f.zip_file([("a/data.pkl", good)], directory_size=1 << 31),
        "same_name": f.zip_file([("a/data.pkl", good), ("a/data.pkl", good)]),
        "name_control": f.zip_file([("\x1b[31m/data.pkl", b"")]), "zip64": f.zip_file([("a/data.pkl", good)], count=0xffff),
        "comment": f.zip_file([("a/data.pkl", good)], comment=b"PK\5\6" * 10_000), "cut": f.torch_zip(good)[:-30],
        "only_magic": b"PK\3\4", "many_entries": f.zip_file([(f"e{i}", b"") for i in range(60_000)]),
    }
    chain = b"c__torch__\nM\nq\x01)\x81}" + f.text("w") + t + b"sbq\x020"
    for _ in range(30):
        chain += b"h\x01)\x81}(" + f.text("a") + b"h\x02" + f.text("b") + b"h\x02ubq\x020"
    wide = b"c__torch__\nM\nq\x01)\x81}(" + b"".join(f.text(f"p{i}") + b"N" for i in range(3000)) + f.text("w") + t + b"ubq\x020"
    wide += b"h\x01)\x81}(" + b"".join(f.text("a" * 50 + str(i)) + b"h\x02" for i in range(60_000)) + b"ub."
    scripts = {"fan_out": chain + b"h\x02.", "wide": wide, "cycle": b"c__torch__\nM\n)\x81q\x01}" + f.text("a") + b"h\x01sb.",
               "nothing": b"c__torch__\nM\n)\x81."}
    for name, pickle in scripts.items():
        archives["script_" + name] = f.torch_zip(pickle, [("a/constants.pkl", b")."), ("a/data/0", record)])
    for name, archive in archives.items():
        yield convert("zip/" + name, archive)
    for name, tail in {"no_storages": b"", "count_negative": struct.pack("<q", -1), "count_huge": struct.pack("<q", huge),
                       "cut": struct.pack("<q", 4) + b"abc"}.items():
        yield convert("legacy/" + name, f.torch_legacy(good, storages=tail))
    yield convert("legacy/keys", f.torch_legacy(good, keys=b"]" + f.text("other") + b"a."))
    yield convert("legacy/keys_number", f.torch_legacy(good, keys=b"K\x05."))


def merges_cases():
    tiny = f.safetensors(f.tiny_parameters())
    texts = {"empty": b"", "binary": bytes(range(256)) * 100, "words": b"a b c\n", "one_word": b"ab\n", "repeat": b"a b\n" * 5000,
             "unknown": b"zz yy\n", "long_line": b"a" * 3_000_000 + b" b\n", "gzip_cut": b"\x1f\x8b\x08\0\0\0\0\0\0\3abc",
             "gzip_bomb": __import__("gzip").compress(b"a b\n" * (20 << 20), 1), "json": b'{"model":{"merges":5}}',
             "json_deep": b'{"model":' + b"[" * 200_000, "json_list": b"[]", "json_nested": b'{"model":{"merges":[[["a"]]]}}',
             "json_many": b'{"model":{"merges":[' + b'"a b",' * 1_000_000 + b'"a b"]}}', "control": b"\x1b[31m \x07\n",
             "utf8": b"\xff\xfe \xff\n", "zeros": bytes(1 << 20), "too_big": 1 << 26}
    for name, content in texts.items():
        yield Case("merges/" + name, {"merges.txt": content, "x.safetensors": tiny},
                   ["convert", "{dir}/x.safetensors", "-o", "{dir}/out.safetensors", "--bpe", "{dir}/merges.txt"],
                   names="merges.txt|x.safetensors", output="out.safetensors",
                   accepts=name == "repeat")


def recording_cases():
    height, width, classes, context = 6, 8, 2, 77
    ids = struct.pack("<77i", *([49406, 320, 49407] + [0] * 74)) * classes
    pixels = height * width
    tensors = {"image_raw": ("U8", [height, width, 3], bytes(pixels * 3)), "label_map": ("I32", [height, width], bytes(pixels * 4)),
               "label_margin": ("F32", [height, width], f.floats(pixels, 1)), "text_token_ids": ("I32", [1, classes, context], ids),
               "text_embed": ("F32", [classes, 32], f.floats(classes * 32)), "mask_preds": ("F32", [1, 10, 6, 8], f.floats(480))}
    metadata = {"case": "tiny", "config": "tiny", "seed": "", "min_size_test": "96", "max_size_test": "384",
                "vocabulary": '["cat", "dog"]', "templates": '["a {}."]', "overrides": "[]", "noise:text_embed": "max=1e-6 rms=1"}

    def recording(meta=None, **changes):
        new = dict(tensors)
        for name, value in changes.items():
            new[name] = value
            if value is None:
                del new[name]
        return f.safetensors(new, {k: v for k, v in {**metadata, **(meta or {})}.items() if v is not None})

    yield verify("recording/good", recording(), accepts=True, names=" ")
    long = "=" + "1" * 100_000
    for name, meta in {
        "noise_long": {"noise:text_embed": "x" * 1_000_000}, "noise_digits": {"noise:text_embed": long},
        "noise_plus": {"noise:text_embed": "=" + "+-eE." * 50_000}, "noise_nan": {"noise:text_embed": "=nan"},
        "noise_huge": {"noise:text_embed": "=1e999"}, "noise_negative": {"noise:text_embed": "=-5"},
        "size_huge": {"min_size_test": "2000000000"}, "size_both": {"min_size_test": "2000000000", "max_size_test": "2000000000"},
        "size_65535": {"min_size_test": "65535", "max_size_test": "65535"}, "size_overflow": {"min_size_test": "9" * 30},
        "size_text": {"min_size_test": "large"}, "size_empty": {"min_size_test": ""}, "size_zero": {"min_size_test": "0"},
        "size_negative": {"max_size_test": "-1"}, "size_missing": {"min_size_test": None}, "size_4000": {"min_size_test": "4000", "max_size_test": "60000"},
        "vocabulary_many": {"vocabulary": json.dumps(["a"] * 100_000)}, "vocabulary_none": {"vocabulary": "[]"},
        "vocabulary_type": {"vocabulary": "[1]"}, "vocabulary_not_json": {"vocabulary": "cat"}, "vocabulary_deep": {"vocabulary": "[" * 100_000},
        "vocabulary_long": {"vocabulary": json.dumps(["a" * 1_000_000, "b"])}, "vocabulary_missing": {"vocabulary": None},
        "templates_many": {"templates": json.dumps(["{}"] * 100_000)}, "templates_none": {"templates": "[]"},
        "templates_text": {"templates": '"{}"'}, "config": {"config": "\x1b[31mhuge"}, "config_big": {"config": "vit-l-14-336"},
        "seed_long": {"seed": "s" * 1_000_000}, "case_control": {"case": "\x1b[31m"}, "overrides_text": {"overrides": "text"},
        "overrides_odd": {"overrides": '["a"]'}, "overrides_unknown": {"overrides": '["MODEL.X\\u001b", 1]'},
        "overrides_deep": {"overrides": "[" * 100_000}, "overrides_types": {"overrides": '[1, 2]'},
        "overrides_queries": {"overrides": '["MODEL.SIDE_ADAPTER.NUM_QUERIES", 1e300]'},
        "overrides_queries_big": {"overrides": '["MODEL.SIDE_ADAPTER.NUM_QUERIES", 10000]'},
        "overrides_image": {"overrides": '["MODEL.SIDE_ADAPTER.IMAGE_SIZE", 65536]'},
        "overrides_vit": {"overrides": '["MODEL.SIDE_ADAPTER.VIT_NAME", "vit_w65536n1d1024_patch1"]'},
        "overrides_vit_bad": {"overrides": '["MODEL.SIDE_ADAPTER.VIT_NAME", "vit_w-5n0d9_patch0"]'},
        "overrides_channels": {"overrides": '["MODEL.SIDE_ADAPTER.ATTN_BIAS.EMBED_CHANNELS", 65536, "MODEL.SIDE_ADAPTER.ATTN_BIAS.MLP_CHANNELS", 65536]'},
        "overrides_scale": {"overrides": '["MODEL.SAN.CLIP_RESOLUTION", 1e-300]'}, "overrides_scale_big": {"overrides": '["MODEL.SAN.CLIP_RESOLUTION", 4]', "min_size_test": "4000", "max_size_test": "4000"},
        "overrides_fusion": {"overrides": '["MODEL.SIDE_ADAPTER.FUSION_MAP", ["99->99"]]'}, "overrides_supervision": {"overrides": '["MODEL.SIDE_ADAPTER.DEEP_SUPERVISION_IDXS", ' + json.dumps(list(range(100_000))) + "]"},
        "overrides_nested": {"overrides": '["MODEL.SIDE_ADAPTER.ATTN_BIAS.NUM_HEADS", ' + "[" * 20 + "]" * 20 + "]"},
        "slice_open": {"slice:text_embed": "["}, "slice_zero": {"slice:text_embed": "[::0]"}, "slice_huge": {"slice:text_embed": "[::9223372036854775807]"},
        "slice_axes": {"slice:text_embed": "[:,:,:,:,:,:]"}, "slice_overflow": {"slice:text_embed": "[99999999999999999999:]"},
        "slice_commas": {"slice:text_embed": "[" + "," * 100_000 + "]"}, "slice_text": {"slice:text_embed": "\x1b[31m"},
    }.items():
        yield verify("recording/" + name, recording(meta), accepts=name in
                     ("noise_long", "noise_plus", "case_control", "seed_long", "vocabulary_long", "slice_huge", "noise_digits", "noise_huge",
                      "config_big", "overrides_queries_big"), computes=name in ("config_big", "overrides_queries_big"), needs_memory_limit=name == "overrides_image")
    for name, changes in {
        "margin_short": {"label_margin": ("F32", [1], f.floats(1))}, "margin_empty": {"label_margin": ("F32", [0], b"")},
        "margin_missing": {"label_margin": None}, "margin_type": {"label_margin": ("I64", [height, width], bytes(pixels * 8))},
        "map_short": {"label_map": ("I32", [2, 2], bytes(16))}, "map_float": {"label_map": ("F32", [height, width], bytes(pixels * 4))},
        "map_missing": {"label_map": None}, "image_rank": {"image_raw": ("U8", [pixels * 3], bytes(pixels * 3))},
        "image_empty": {"image_raw": ("U8", [0, 5, 3], b"")}, "image_float": {"image_raw": ("F32", [height, width, 3], bytes(pixels * 12))},
        "image_line": {"image_raw": ("U8", [1, 200_000, 3], bytes(600_000))}, "image_missing": {"image_raw": None},
        "ids_short": {"text_token_ids": ("I32", [1, 1, 1], bytes(4))}, "ids_missing": {"text_token_ids": None},
        "ids_float": {"text_token_ids": ("F32", [1, classes, context], bytes(classes * context * 4))},
        "ids_large": {"text_token_ids": ("I32", [1, classes, context], b"\xff\xff\xff\x7f" * classes * context)},
        "ids_negative": {"text_token_ids": ("I32", [1, classes, context], b"\xff" * classes * context * 4)},
        "embed_shape": {"text_embed": ("F32", [3], f.floats(3))}, "embed_scalar": {"text_embed": ("F32", [], f.floats(1))},
        "embed_bytes": {"text_embed": ("BOOL", [classes, 32], bytes(64))}, "resized": {"image_resized": ("F32", [4], f.floats(4))},
        "weights": {"weights/clip_rec_head.proj": ("F32", [1], f.floats(1))}, "weights_rank": {"weights/clip_rec_head.proj": ("F32", [], f.floats(1))},
        "weights_unknown": {"weights/\x1b[31m": ("F32", [1], f.floats(1))}, "scale_empty": {"weights/ov_classifier.logit_scale": ("F32", [0], b"")},
        "control_tensor": {"x\x1b[31m": ("F32", [1], f.floats(1))},
    }.items():
        yield verify("recording/" + name, recording(None, **changes), accepts=name in
                     ("embed_shape", "embed_scalar", "embed_bytes", "resized", "weights_unknown", "control_tensor", "margin_type"))
    good = recording()
    for cut in (20, len(good) // 3, len(good) - 5):
        yield verify(f"recording/cut_{cut}", good[:cut])


def bank_cases():
    """Banks of examples: the fuzzer's seeds, cut short and with other headers too."""
    seeds = Path(__file__).resolve().parent.parent / "fuzz" / "corpus" / "bank_fuzz"
    good = (seeds / "whole").read_bytes()
    contents = {path.name: path.read_bytes() for path in sorted(seeds.iterdir())}
    contents.update({f"cut_{cut}": good[:cut] for cut in (7, 100, len(good) - 1)})
    contents["control"] = good.replace(b'[\\"a\\",\\"b\\"]', b'[\\"a\\",\\"\\x1b\\"]'.replace(b"\\x1b", b"\x1b"), 1)
    contents["empty"] = b""
    contents["no_file"] = 0
    for name, content in contents.items():
        accepts = name in ("whole", "gated", "one_example", "covariance_of_nothing", "not_positive")
        yield Case("bank/" + name, {"x.bank": content}, ["bank", "show", "{dir}/x.bank"], accepts=accepts)


def cases():
    yield from bank_cases()
    yield from safetensors_cases()
    yield from model_cases()
    yield from torch_cases()
    yield from merges_cases()
    yield from recording_cases()
