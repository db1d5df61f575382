#!/usr/bin/env python3
"""Labels a GeoTIFF of SIDE × SIDE pixels in tiles, within a limit of address space, and says what memory it took.

The picture is made here: its tiles lie in the file once each and many times over in its directory, so that 40,000 × 40,000
pixels take a few megabytes of disk; reading and labelling them is the work of a real one.

usage: large_picture.py SAN [SIDE [TILE [LIMIT_MB [MODEL [SHORT_SIDE]]]]]      default 40000 2048 1500 formula:tiny 64
"""

import os
import resource
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

BLOCK = 512
DISTINCT = 16


def write_tiff(path, side):
    across = -(-side // BLOCK)
    with open(path, "wb") as file:
        file.write(b"II*\0" + struct.pack("<I", 0))
        blobs = []
        for k in range(DISTINCT):
            rows = bytearray()
            for y in range(BLOCK):
                for x in range(0, BLOCK, 8):
                    rows += bytes(((x // 8 * (k + 3) + y // 3) % 256, (x * y // 97 + k * 40) % 256, (x // 64 + y // 64 + k) % 2 * 200)) * 8
            blob = zlib.compress(bytes(rows))
            blobs.append((file.tell(), len(blob)))
            file.write(blob)
        order = [blobs[(x * 7 + y * 3 + x * y % 5) % DISTINCT] for y in range(across) for x in range(across)]
        fields = [(256, 4, [side]), (257, 4, [side]), (258, 3, [8, 8, 8]), (259, 3, [8]), (262, 3, [2]), (277, 3, [3]),
                  (322, 3, [BLOCK]), (323, 3, [BLOCK]), (324, 4, [b[0] for b in order]), (325, 4, [b[1] for b in order]),
                  (33550, 12, [0.5, 0.5, 0.0]), (33922, 12, [0.0, 0.0, 0.0, 300000.0, 5100000.0, 0.0]),
                  (34735, 3, [1, 1, 0, 1, 3072, 0, 1, 32633])]
        entries = b""
        for tag, kind, values in fields:
            packed = struct.pack("<%d%s" % (len(values), {3: "H", 4: "I", 12: "d"}[kind]), *values)
            if len(packed) > 4:
                file.write(b"\0" * (-file.tell() % 8))
                at = file.tell()
                file.write(packed)
                packed = struct.pack("<I", at)
            entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
        file.write(b"\0" * (-file.tell() % 8))
        directory = file.tell()
        file.write(struct.pack("<H", len(fields)) + entries + b"\0\0\0\0")
        file.seek(4)
        file.write(struct.pack("<I", directory))


def status(pid, key):
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[1]) for line in file if line.startswith(key)), 0)
    except OSError:
        return 0


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(p) for p in file.read().split()]
    except OSError:
        return []


def main(san, side=40000, tile=2048, limit=1500, model="formula:tiny", short_side=64):
    with tempfile.TemporaryDirectory() as folder:
        write_tiff(folder + "/big.tif", side)
        print(f"{side} × {side} pixels, {os.path.getsize(folder + '/big.tif') / 1e6:.1f} MB on disk, tiles of {tile}, {model}")
        bytes_ = limit * 1_000_000
        start = time.monotonic()
        process = subprocess.Popen(
            [san, "segment", "big.tif", "--classes", "cat, sofa, wall, tree", "--model", model, "--short-side", str(short_side),
             "--tile", str(tile), "--save", "labels", "--output", "out", "--quiet"], cwd=folder,
            env={**os.environ, "SAN_CACHE_DIR": folder + "/cache"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_)))
        most = [0]

        def watch():  # the anonymous memory and the files of program and helper together, as they stand at one time
            while process.poll() is None:
                most[0] = max(most[0], status(process.pid, "VmRSS") + sum(status(c, "VmRSS") for c in children(process.pid)))
                time.sleep(0.05)

        thread = threading.Thread(target=watch)
        thread.start()
        code = process.wait()
        thread.join()
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"exit code {code}; {time.monotonic() - start:.0f} s on the clock, {usage.ru_utime + usage.ru_stime:.0f} s of processors")
        print(f"resident, program and helper together: at most {most[0] / 1000:.0f} MB; address space of each: within {limit} MB")
        if code == 0:
            print(f"labels: {os.path.getsize(folder + '/out/big.labels.tif') / 1e6:.1f} MB")
        return code


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(os.path.abspath(arguments[0]), *(a if i == 3 else int(a) for i, a in enumerate(arguments[1:]))))
