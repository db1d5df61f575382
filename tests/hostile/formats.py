"""Writers of the file formats that the corpus damages. Standard library only; they write what they are told."""
import json
import struct
import zlib
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
DTYPE_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def safetensors(tensors, metadata=None, tail=b""):
    """tensors: name -> (dtype, shape, bytes)."""
    header, data = {}, bytearray()
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    return raw_safetensors(json.dumps(header).encode(), bytes(data) + tail)


def raw_safetensors(header, data=b"", claimed=None):
    return struct.pack("<Q", len(header) if claimed is None else claimed) + header + data


def floats(count, value=0.01):
    return struct.pack("<f", value) * count


VOCABULARY = 1918  # what merges() spell


def merges():
    return (SOURCE / "src/engine/data/formula_merges.txt").read_text()


def tiny_config():
    return {"bias_layers": 1, "blocks": 4, "clip_scale": 0.5, "decoupled_heads": True, "embed_channels": 32,
            "feature_layer": 2, "fusion": [[0, 0], [2, 1], [3, 2]], "heads": 3, "image_size": 96, "long_side": 384,
            "mlp_channels": 40, "patch": 16, "queries": 10, "recognition_layer": -1, "short_side": 96,
            "supervision": [3, 4], "width": 48,
            "clip": {"activation": "quick_gelu", "context": 77, "embed_dim": 32, "grid": 4, "heads": 4, "layers": 4,
                     "patch": 16, "text_heads": 2, "text_layers": 2, "text_width": 32, "vocabulary": VOCABULARY,
                     "width": 64}}


def tiny_parameters():
    """The state dict of the smallest network: name -> (dtype, shape, bytes)."""
    tensors = {}
    lines = (SOURCE / "tests/data/checkpoint/state_dict_tiny.tsv").read_text().splitlines()[1:]
    for name, extents, _, kind, _ in (line.split("\t") for line in lines if not line.startswith("#")):
        if kind != "parameter":
            continue
        shape = [] if extents in ("", "scalar") else [int(n) for n in extents.split("x")]
        if name == "ov_classifier.token_embedding.weight":
            shape[0] = VOCABULARY
        count = 1
        for n in shape:
            count *= n
        tensors[name] = ("F32", shape, floats(count))
    return tensors


def tiny_metadata(**changes):
    metadata = {"format": "san.cpp-model-1", "config": json.dumps(tiny_config()), "merges": merges(),
                "templates": '["a photo of a {}."]', "activation": "quick_gelu", "license": "none", "model_card": ""}
    metadata.update(changes)
    return {key: value for key, value in metadata.items() if value is not None}


def model_file(tensors=None, config=None, **metadata):
    if config is not None:
        metadata["config"] = config if isinstance(config, str) else json.dumps(config)
    return safetensors(tiny_parameters() if tensors is None else tensors, tiny_metadata(**metadata))


def zip_file(members, comment=b"", count=None, directory_offset=None, directory_size=None):
    """members: (name, content[, deflate[, changes]]); changes may set crc, size, stored, method, flags, offset."""
    out, directory = bytearray(), bytearray()
    for member in members:
        name, content, deflate, changes = (*member, False, {})[:4] if len(member) == 2 else (*member, {})[:4]
        name = name.encode() if isinstance(name, str) else name
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        stored = packer.compress(content) + packer.flush() if deflate else content
        offset = changes.get("offset", len(out))
        head = struct.pack("<HHHHHIIIHH", 20, changes.get("flags", 0), changes.get("method", 8 if deflate else 0), 0, 0,
                           changes.get("crc", zlib.crc32(content)), changes.get("stored", len(stored)),
                           changes.get("size", len(content)), len(name), 0)
        out += b"PK\x03\x04" + head + name + stored
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, offset) + name
    n = len(members) if count is None else count
    return bytes(out + directory) + b"PK\x05\x06" + struct.pack(
        "<HHHHIIH", 0, 0, n & 0xffff, n & 0xffff,
        len(directory) if directory_size is None else directory_size,
        len(out) if directory_offset is None else directory_offset, len(comment)) + comment


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return b"X" + struct.pack("<I", len(value)) + value


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def tensor(key="0", count=4, offset=0, size=(4,), stride=(1,), kind=b"FloatStorage"):
    def numbers(values):
        return b"(" + b"".join(number(v) for v in values) + b"t"
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\n" + kind + b"\n" + text(key) +
            text("cpu") + number(count) + b"tQ" + number(offset) + numbers(size) + numbers(stride) + b"\x89}tR")


def state_dict(entries):
    return b"}(" + b"".join(text(name) + value for name, value in entries) + b"u."


def torch_zip(pickle, more=None):
    members = [("a/data/0", bytes(16))] if more is None else list(more)
    return zip_file(members + [("a/data.pkl", pickle)])


def torch_legacy(pickle, keys=b"]" + text("0") + b"a.", storages=struct.pack("<q", 4) + bytes(16)):
    magic = bytes([0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e])
    version = b"\x80\x02M\xe9\x03."
    system = b"\x80\x02}" + text("little_endian") + b"\x88s."
    return magic + version + system + b"\x80\x02" + pickle + b"\x80\x02" + keys + storages


def png(width=8, height=8, bits=8, colour=0, rows=None, before=b"", idat=None):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    if idat is None:
        row = b"\0" + bytes((width * bits * channels + 7) // 8)
        idat = zlib.compress(row * (height if rows is None else rows), 1)
    palette = chunk(b"PLTE", bytes(768)) if colour == 3 else b""
    return (b"\x89PNG\r\n\x1a\n" + before + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)) +
            palette + chunk(b"IDAT", idat) + chunk(b"IEND", b""))


def jpeg(width, height, components=1, progressive=False, whole=True):
    """One colour: every block is two bits, "as the one before" and "nothing more", both of them zero."""
    def segment(marker, content):
        return bytes([0xff, marker]) + struct.pack(">H", len(content) + 2) + content
    table = bytes([1] + [0] * 15 + [0])  # one code of one bit, for the value 0
    channels = range(1, components + 1)
    head = (b"\xff\xd8" + (segment(0xee, b"Adobe\0\x64" + bytes(5)) if components == 4 else b"") + segment(0xdb, b"\0" + b"\1" * 64) +
            segment(0xc2 if progressive else 0xc0, struct.pack(">BHHB", 8, height, width, components) + b"".join(bytes([c, 0x11, 0]) for c in channels)) +
            segment(0xc4, b"\0" + table) + segment(0xc4, b"\x10" + table))
    scan = segment(0xda, bytes([components]) + b"".join(bytes([c, 0]) for c in channels) + bytes([0, 0 if progressive else 63, 0]))
    blocks = -(-width // 8) * -(-height // 8) * components
    return head + scan + bytes(-(-blocks * (1 if progressive else 2) // 8) if whole else 9) + b"\xff\xd9"


def mat_element(kind, content, size=None):
    return struct.pack("<II", kind, len(content) if size is None else size) + content + bytes(-len(content) % 8)


def mat_variable(name=b"LabelMap", dims=(2, 2), values=bytes([1, 2, 3, 4]), kind=2, array_class=9, flags=0, raw_dims=None):
    dimensions = struct.pack(f"<{len(dims)}i", *dims) if raw_dims is None else raw_dims
    return mat_element(14, mat_element(6, struct.pack("<II", array_class | flags, 0)) + mat_element(5, dimensions) +
                       mat_element(1, name) + mat_element(kind, values))


def mat_file(*elements, version=0x0100, order=b"IM", header=116):
    return b"M" * header + bytes(8) + struct.pack("<H", version) + order + b"".join(elements)


def mat_compressed(content):
    packed = zlib.compress(content, 9)
    return struct.pack("<II", 15, len(packed)) + packed


def rle_string(counts):
    out = ""
    for i, value in enumerate(counts):
        if i > 2:
            value -= counts[i - 2]
        more = True
        while more:
            group = value & 0x1f
            value >>= 5
            more = value != (-1 if group & 0x10 else 0)
            out += chr((group | 0x20 if more else group) + 48)
    return out
