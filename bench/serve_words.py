#!/usr/bin/env python3
"""What other words on the same picture cost a client of `san serve`, beside the first answer about it.

serve_words.py PROGRAMS_FOLDER [--model M] [--short-side N] [--rounds R]

Each round asks about a picture never sent before, then about the same picture with other words, as the page does: by its
hash. All words were embedded before, so that neither side pays for that. Prints medians and their ratio.
"""
import argparse
import base64
import http.client
import json
import os
import re
import statistics
import struct
import subprocess
import tempfile
import time
import zlib

FIRST = ["soccer ball", "tractor", "star", "night sky", "grass"]
OTHER = ["moon", "car", "flower", "sea", "sand"]


def picture(side, seed):
    """A PNG with blots, each seed another one."""
    rows = bytearray()
    for y in range(side):
        rows.append(0)
        for x in range(side):
            rows += bytes(((x * 3 + seed * 41) & 255, (y * 5 + seed * 7) & 255, ((x // 16) ^ (y // 16) + seed) * 9 & 255))
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))


class Service:
    def __init__(self, programs, model, folder):
        self.process = subprocess.Popen([os.path.join(programs, "san-serve"), "--port", "0", "--model", model, "--cache-dir", folder],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(re.search(r":(\d+)\s*$", self.process.stdout.readline()).group(1))
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port)

    def ask(self, **fields):
        body = json.dumps({"output": "json", **fields})
        start = time.perf_counter()
        self.connection.request("POST", "/v1/segment", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - start
        assert answer.status == 200, text
        return took, answer.headers

    def stop(self):
        self.process.terminate()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs")
    parser.add_argument("--model", default="default")
    parser.add_argument("--short-side", type=int, default=0)
    parser.add_argument("--side", type=int, default=512, help="of the picture, pixels")
    parser.add_argument("--rounds", type=int, default=9)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(a.programs, a.model, folder)
        try:
            options = {"short_side": a.short_side}
            for words in (FIRST, OTHER):
                service.ask(image=base64.b64encode(picture(64, 0)).decode(), classes=words, **options)
            first, again = [], []
            for seed in range(1, a.rounds + 1):
                took, headers = service.ask(image=base64.b64encode(picture(a.side, seed)).decode(), classes=FIRST, **options)
                assert headers["X-San-Cache"] == "miss"
                first.append(took)
                took, headers = service.ask(image_sha256=headers["X-San-Image-SHA256"], classes=OTHER, **options)
                assert headers["X-San-Cache"] == "hit"
                again.append(took)
        finally:
            service.stop()
    a1, b1 = statistics.median(first), statistics.median(again)
    print(f"{a.model}, {a.side} pixels: first answer {1e3 * a1:.0f} ms, other words {1e3 * b1:.0f} ms: {100 * b1 / a1:.1f} %")


if __name__ == "__main__":
    main()
