#!/usr/bin/env python3
"""What a user waits for first: shared libraries, start, and one small picture with cached words.

    bench/startup.py SAN [--baseline OTHER_SAN] [--runs 15] [--instructions]

Runs of both programs alternate on the same machine in the same minutes; what counts is the ratio. --instructions counts
with valgrind, which needs no quiet machine and sees neither disk nor kernel.
"""
import argparse
import os
import pathlib
import platform
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib


def write_picture(path, height=96, width=128):
    """A PNG with something in it."""
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (2 * x, 2 * y, 200 * (x // 16 + y // 16 & 1)))
                    for y in range(height))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def run(command, environment, folder, stdout=subprocess.DEVNULL):
    """(seconds, peak bytes); the peak is the largest resident set of this one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=stdout, stderr=subprocess.PIPE)
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: {errors.decode(errors='replace')}")
    return seconds, usage.ru_maxrss * 1024


def libraries(command, environment, folder):
    """Shared libraries that the run maps, those it loads later included."""
    with tempfile.TemporaryDirectory() as logs:
        run(command, environment | {"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": f"{logs}/log"}, folder)
        text = "".join(p.read_text(errors="replace") for p in pathlib.Path(logs).iterdir())
    return len(set(re.findall(r"calling init: (\S+)", text)))


def instructions(command, environment, folder):
    with tempfile.TemporaryDirectory() as logs:
        run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={logs}/out", *command], environment, folder)
        return int(re.search(r"^totals: (\d+)", pathlib.Path(f"{logs}/out").read_text(), re.M).group(1))


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("san", type=pathlib.Path)
    parser.add_argument("--baseline", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--instructions", action="store_true")
    options = parser.parse_args()
    programs = {"san": options.san.resolve()}
    if options.baseline:
        programs["baseline"] = options.baseline.resolve()
    print(f"{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, median of {options.runs} runs")

    with tempfile.TemporaryDirectory() as folder:
        write_picture(pathlib.Path(folder) / "a.png")
        tasks = {
            "--version": ["--version"],
            "segment, one picture": ["segment", "a.png", "--classes", "cat, wall", "--save", "labels", "--threads", "1",
                                     "--quiet", "--output", "out"],
        }
        for task, arguments in tasks.items():
            rows = {name: {"seconds": [], "bytes": []} for name in programs}
            commands = {name: [str(path), *arguments] for name, path in programs.items()}
            environments = {name: os.environ | {"SAN_CACHE_DIR": f"{folder}/cache-{name}"} for name in programs}
            for name, command in commands.items():  # embeds the words, warms the disk cache
                run(command, environments[name], folder)
            for _ in range(options.runs):
                for name, command in commands.items():
                    seconds, peak = run(command, environments[name], folder)
                    rows[name]["seconds"].append(seconds)
                    rows[name]["bytes"].append(peak)
            found = {}
            for name, command in commands.items():
                found[name] = {
                    "shared libraries": libraries(command, environments[name], folder),
                    "time, ms": 1e3 * statistics.median(rows[name]["seconds"]),
                    "peak memory, MB": statistics.median(rows[name]["bytes"]) / 1e6,
                }
                if options.instructions:
                    found[name]["instructions, M"] = instructions(command, environments[name], folder) / 1e6
            print(f"\n{task}")
            for what, value in found["san"].items():
                line = f"  {what:<18}{value:>10.1f}"
                if options.baseline:
                    other = found["baseline"][what]
                    line += f"   baseline {other:>10.1f}   ratio {value / other:.2f}"
                print(line)


main()
