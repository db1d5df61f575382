#!/usr/bin/env python3
"""C++ structures, and how they are serialised (CDR, little-endian), from message definitions: make_structs.py FOLDER HEADER"""

import pathlib
import sys

PLAIN = {"int32": "std::int32_t", "uint32": "std::uint32_t", "uint16": "std::uint16_t", "uint8": "std::uint8_t",
         "float32": "float", "string": "std::string"}


def main(folder, header):
    definitions = {}
    for path in sorted(pathlib.Path(folder).glob("*.msg")):
        fields = [line.split() for line in path.read_text().splitlines() if line]
        assert all(len(field) == 2 for field in fields), path
        definitions[path.stem.replace(".", "/")] = fields
    out = ["#pragma once", '#include "cdr.h"', "namespace san::ros::recorded {"]
    made = set()

    def make(name):
        if name in made:
            return
        members, writes = [], []
        for kind, field in definitions[name]:
            array = kind.endswith("[]")
            kind = kind.removesuffix("[]")
            if kind in PLAIN:
                kind = PLAIN[kind]
            else:
                make(kind)
                kind = kind.split("/")[1]
            members.append(f"  {f'std::vector<{kind}>' if array else kind} {field}{{}};")
            writes.append(f"  write(out, m.{field});")
        short = name.split("/")[1]
        out.extend([f"struct {short} {{", *members, "};", f"inline void write(Cdr& out, const {short}& m) {{", *writes, "}"])
        made.add(name)

    for name in definitions:
        make(name)
    out.append("}  // namespace san::ros::recorded")
    pathlib.Path(header).write_text("\n".join(out) + "\n")


main(*sys.argv[1:])
