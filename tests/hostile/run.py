#!/usr/bin/env python3
"""Runs the program on inputs made to break it, under limits, and judges how it takes them.

What must hold of every input: the program ends by itself, within its share of processor time and memory; a
refusal is exit code 1 or 2 with a line `error: ...` that names the input; nothing it prints has a control
character that a file brought, a sanitizer's report, or the bare text of a standard exception; a refused
conversion leaves nothing behind. Fails unless every input is either accepted where it may be, or a clear error."""
import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cases
import checkpoints
import datasets
import formats
import training

BARE = re.compile(r"bad_alloc|max_size\(\)|filesystem error|basic_string|vector::_M|_M_range|std::|stoi|stod|"
                  r"unexpected failure|terminate called|json\.exception")
REPORT = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|SUMMARY: ")
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
MEMORY_BYTES = 4 << 30


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            with open(path, "wb") as file:
                file.truncate(content)
        else:
            path.write_bytes(content)


def judge(case, code, output, folder):
    text = output.decode("utf-8", "replace")
    errors = [line for line in text.splitlines() if line.startswith("error: ")]
    if code < 0:
        return f"ended by signal {-code}"
    if REPORT.search(text):
        return "a sanitizer's report"
    if CONTROL.search(output):
        return f"prints a control character: {CONTROL.search(output)[0]!r}"
    if code == 0:
        return "" if case.accepts else "accepted"
    if code not in (1, 2):
        return f"exit code {code}"
    if case.accepts and code == 1 and not errors:
        return ""  # a recording whose tensors differ
    if not errors:
        return "no line that begins with 'error: '"
    bare = BARE.search(text)
    if bare:
        return f"bare text: {bare[0]}"
    names = [name.format(dir=folder) for name in case.expected_name().split("|")]
    if not any(name in text for name in names):
        return f"does not name {' or '.join(names)}"
    if len(errors[0]) > 8000:
        return f"an error of {len(errors[0])} characters"
    if case.output and (folder / case.output).exists():
        return "leaves its output behind"
    left = [path.name for path in folder.rglob("*.tmp-*")]
    return f"leaves {left[0]} behind" if left else ""


def run(case, options, shared):
    folder = Path(tempfile.mkdtemp(dir=shared["root"]))
    try:
        write(folder, case.files)
        values = {"dir": folder, **shared}
        arguments = [options.program, *(re.sub(r"\{(\w+)\}", lambda m: str(values[m[1]]), a) for a in case.args)]
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "LC_ALL": "C.UTF-8", "OMP_NUM_THREADS": "1",
                       "ASAN_OPTIONS": "hard_rss_limit_mb=6000:detect_leaks=1:abort_on_error=0:handle_sigxcpu=0",
                       "UBSAN_OPTIONS": "print_stacktrace=1"}

        # By a shell: a function of ours between fork and exec would copy this process for each input.
        limits = f"ulimit -c 0; ulimit -t {options.seconds}; " + ("" if options.sanitized else f"ulimit -v {MEMORY_BYTES >> 10}; ")
        try:
            done = subprocess.run(["sh", "-c", limits + 'exec "$@"', "sh", *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=options.seconds * 30)
        except subprocess.TimeoutExpired:
            return "waits forever", None, b""
        return judge(case, done.returncode, done.stdout, folder), done.returncode, done.stdout
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def truncated_in_use(delay, options, shared):
    """A model file that another program cuts off while it is loaded or in use."""
    model = next(formats.SOURCE.glob("models/**/*.safetensors"), None)
    folder = Path(tempfile.mkdtemp(dir=shared["root"]))
    copy = folder / "model.safetensors"
    shutil.copyfile(model or shared["tiny"], copy)
    process = subprocess.Popen([options.program, "segment", shared["picture"], "--classes", "cat,dog", "-m", copy, "-o",
                                folder / "out", "--no-cache"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(delay)
    os.truncate(copy, 5000)
    output = process.communicate()[0]
    case = cases.Case("truncated", {"model.safetensors": b""}, [], accepts=True)
    return judge(case, process.returncode, output, folder), process.returncode, output


def chosen(options):
    for module in (checkpoints, datasets, training):
        for case in module.cases():
            there = not case.program or Path(options.program).with_name(case.program).exists()
            if options.filter in case.name and there and not (options.sanitized and (case.needs_memory_limit or case.computes)):
                yield case


def in_order(pool, work, items, ahead):
    """Each item with work(item), at most `ahead` of them begun and not handed out: inputs are made while they are needed."""
    begun = collections.deque()
    for item in items:
        begun.append((item, pool.submit(work, item)))
        if len(begun) == ahead:
            first, result = begun.popleft()
            yield first, result.result()
    for item, result in begun:
        yield item, result.result()


def kind(verdict, code):
    if not verdict:
        return "accepted" if code == 0 else "clear error"
    if code in (-signal.SIGXCPU, -signal.SIGKILL, None):
        return "slow"
    if code < 0 or verdict == "a sanitizer's report":
        return "crash"
    return "wrongly accepted" if verdict == "accepted" else "bad message"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--filter", default="", help="only inputs whose name has this in it")
    parser.add_argument("--seconds", type=int, default=20, help="processor time of one input")
    parser.add_argument("--jobs", type=int, default=2, help="inputs at once")
    parser.add_argument("--sanitized", action="store_true", help="the program was built with sanitizers: no limit on addresses")
    parser.add_argument("--show", action="store_true", help="print what the program says to each input")
    options = parser.parse_args()
    options.program = os.path.abspath(options.program)
    with tempfile.TemporaryDirectory(prefix="san_hostile_") as root:
        tiny, merges = Path(root) / "tiny.safetensors", Path(root) / "merges.txt"
        tiny.write_bytes(formats.model_file())
        merges.write_text(formats.merges())
        shared = {"root": root, "tiny": tiny, "merges": merges, "picture": formats.SOURCE / "tests/data/photos/cat.jpg"}
        kinds = collections.Counter()
        failed = 0

        def count(name, verdict, code, output):
            nonlocal failed
            if verdict or options.show:
                said = output.decode("utf-8", "backslashreplace")
                print(f"{'FAILED' if verdict else 'ok'} {name}: {verdict}\n  {said[-1500:].strip()!r}", flush=True)
            kinds[kind(verdict, code)] += 1
            failed += bool(verdict)

        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for case, result in in_order(pool, lambda c: run(c, options, shared), chosen(options), 8 * options.jobs):
                count(case.name, *result)
            if options.filter in "truncated":
                delays = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
                for delay, result in zip(delays, pool.map(lambda d: truncated_in_use(d, options, shared), delays)):
                    count(f"truncated after {delay} s", *result)
        tried = sum(kinds.values())
        print(f"{tried} hostile inputs: " + ", ".join(f"{n} {name}" for name, n in kinds.most_common()))
        return 1 if failed or not tried else 0


if __name__ == "__main__":
    sys.exit(main())
