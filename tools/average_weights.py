#!/usr/bin/env python3
"""Writes the weighted mean of two model files of one network: tools/average_weights.py A B OUT [--share-of-b 0.5]

Everything but the weights (configuration, tokenizer, card) is taken from A.
"""
import argparse
import json
import os
import struct
import sys

FORMATS = {"F16": "e", "F32": "f"}


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8:8 + size]), data[:8 + size], data[8 + size:]


def mean(a, b, share, code):
    count = len(a) // struct.calcsize(code)
    pairs = zip(struct.unpack(f"<{count}{code}", a), struct.unpack(f"<{count}{code}", b))
    return struct.pack(f"<{count}{code}", *((1 - share) * x + share * y for x, y in pairs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("out")
    parser.add_argument("--share-of-b", type=float, default=0.5)
    arguments = parser.parse_args()
    header, prefix, weights = read(arguments.a)
    other, _, others = read(arguments.b)
    result = bytearray(weights)
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        twin = other.get(name, {})
        if (twin.get("shape"), twin.get("dtype")) != (tensor["shape"], tensor["dtype"]):
            sys.exit(f"{arguments.b}: {name} is {twin.get('dtype')} {twin.get('shape')}, expected "
                     f"{tensor['dtype']} {tensor['shape']} as in {arguments.a}")
        code = FORMATS.get(tensor["dtype"])
        if code:
            begin, end = tensor["data_offsets"]
            first, last = twin["data_offsets"]
            result[begin:end] = mean(weights[begin:end], others[first:last], arguments.share_of_b, code)
    with open(arguments.out + ".part", "wb") as file:
        file.write(prefix + bytes(result))
        file.flush()
        os.fsync(file.fileno())
    os.replace(arguments.out + ".part", arguments.out)


if __name__ == "__main__":
    main()
