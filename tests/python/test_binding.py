"""The declarations of san/_c.py are those of the headers."""

import ctypes
import os
import re
import subprocess
import sys
import unittest

from san import _c
from support import ROOT

STRUCTS = {"san_pixels": _c.Pixels, "san_decode_options": _c.DecodeOptions, "san_model_options": _c.ModelOptions,
           "san_model_facts": _c.ModelFacts, "san_cost": _c.Cost, "san_vocabulary_options": _c.VocabularyOptions,
           "san_segment_options": _c.SegmentOptions, "san_timing": _c.Timing, "san_stream_options": _c.StreamOptions,
           "san_overlay_options": _c.OverlayOptions, "san_json_options": _c.JsonOptions, "san_polygon": _c.Polygon,
           "san_proposal": _c.Proposal}
PLAIN = {"int": ctypes.c_int, "int32_t": ctypes.c_int32, "int64_t": ctypes.c_int64, "size_t": ctypes.c_size_t,
         "float": ctypes.c_float, "double": ctypes.c_double, "san_progress": _c.PROGRESS, "void": None}


def headers() -> str:
    text = "".join((ROOT / "include/san" / name).read_text()
                   for name in ("c_base.h", "san.h", "c_bank.h", "c_result.h", "c_shapes.h", "c_explain.h",
                                "c_labels32.h"))
    text = re.sub(r"/\*.*?\*/|^#(?!define SAN_API_VERSION).*?$", " ", text, flags=re.S | re.M)
    return re.sub(r"\s+", " ", text)


def ctype(declaration: str):
    """The ctypes type of "const char* name"."""
    stars = declaration.count("*")
    base = re.sub(r"\bconst\b|\*", " ", declaration).split()[0]
    if stars == 0:
        return PLAIN[base]
    if base == "char":
        return ctypes.c_char_p if stars == 1 else ctypes.POINTER(ctypes.c_char_p)
    if base in STRUCTS:
        pointer = ctypes.POINTER(STRUCTS[base])
        return pointer if stars == 1 else ctypes.POINTER(pointer)
    return ctypes.c_void_p if stars == 1 else ctypes.POINTER(ctypes.c_void_p)


class Binding(unittest.TestCase):
    def test_functions_are_those_of_the_headers(self):
        found = {}
        for returns, name, takes in re.findall(r"SAN_C_API ([^;(]*?)(san_\w+)\(([^)]*)\);", headers()):
            parameters = [] if takes.strip() in ("", "void") else [ctype(p) for p in takes.split(",")]
            found[name] = (ctype(returns), *parameters)
        self.assertGreaterEqual(len(found), 60)
        for name, declared in _c.FUNCTIONS.items():
            self.assertEqual(declared, found.get(name), name)

    def test_structs_are_those_of_the_headers(self):
        for name, struct in STRUCTS.items():
            body = re.search(r"typedef struct " + name + r" \{(.*?)\} " + name + ";", headers())[1]
            fields = []
            for line in filter(None, map(str.strip, body.split(";"))):
                first, *others = line.split(",")
                base = re.match(r"(?:const )?\w+", first)[0]
                for declarator in (first, *(f"{base} {other}" for other in others)):
                    fields.append((re.findall(r"\w+", declarator)[-1], ctype(declarator)))
            declared = struct._fields_  # a later header may have more at its end
            self.assertEqual(declared, fields[: len(declared)], name)
            last, kind = declared[-1]
            self.assertEqual(getattr(struct, last).offset + ctypes.sizeof(kind), ctypes.sizeof(struct), name)

    def test_what_is_not_libsan_is_named(self):
        for library in ("gone.so", "libm.so.6"):
            done = subprocess.run([sys.executable, "-c", "import san"], env={**os.environ, "SAN_LIBRARY": library},
                                  stderr=subprocess.PIPE, text=True, check=False)
            self.assertRegex(done.stderr.splitlines()[-1], f"ImportError: san: libsan cannot be loaded: .*{library}")

    def test_version_is_not_newer_than_the_headers(self):
        self.assertLessEqual(_c.API_VERSION, int(re.search(r"SAN_API_VERSION (\d+)", headers())[1]))


if __name__ == "__main__":
    unittest.main()
