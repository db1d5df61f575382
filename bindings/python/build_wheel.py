#!/usr/bin/env python3
"""Writes the wheel of san: the package, libsan with the built-in model, and what libsan needs that not every Linux has.

    build_wheel.py --library libsan.so --helper san-decode --version 0.1.0 --output FOLDER

Needs Debian's binutils and patchelf and nothing from the network. The same inputs give the same bytes. Prints the path.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# What every Linux that a wheel may be installed on has: the list of PEP 600's policies, as auditwheel keeps it, of
# which libsan can meet these.
SYSTEM = {"libatomic.so.1", "libc.so.6", "libdl.so.2", "libexpat.so.1", "libgcc_s.so.1", "libm.so.6", "libpthread.so.0",
          "libresolv.so.2", "librt.so.1", "libstdc++.so.6", "libutil.so.1", "libz.so.1", "ld-linux-x86-64.so.2"}
# The first glibc whose policy has that libstdc++: GCC 10 to 14.
GLIBC_OF_LIBSTDCXX = {28: 31, 29: 34, 30: 35, 31: 38, 32: 38, 33: 39}
# Sources that are in libsan itself.
COMPILED_IN = ("fonts-dejavu-core", "libhwy-dev", "libspdlog-dev", "nlohmann-json3-dev")


class Failure(Exception):
    pass


def run(*command: object) -> str:
    try:
        done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise Failure(f"{command[0]} is not installed (tools/packages.txt)") from None
    except subprocess.CalledProcessError as error:
        raise Failure(f"{' '.join(map(str, command))} failed: {error.stderr.strip()}") from None
    return done.stdout


def needed(file: Path) -> list[str]:
    """Names of the libraries that a file needs itself, without those of every system."""
    names: list[str] = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", file))
    return [name for name in names if name not in SYSTEM]


def libraries(*files: Path) -> dict[str, Path]:
    """Every library that the files need, directly or not, by the name they need it by."""
    found: dict[str, Path] = {}
    places: dict[str, str] = {}
    for file in files:
        places.update(re.findall(r"(\S+) => (/\S+) ", run("ldd", file)))
    waiting = [name for file in files for name in needed(file)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in places:
            raise Failure(f"{name}, which libsan needs, is not on this system")
        found[name] = Path(places[name]).resolve()
        waiting += needed(found[name])
    return found


def unique_name(library: Path) -> str:
    """As auditwheel does: no other library of the process has this name."""
    stem, rest = library.name.split(".", 1)
    return f"{stem}-{hashlib.sha256(library.read_bytes()).hexdigest()[:8]}.{rest}"


def bundle(folder: Path, library: Path, helper: Path) -> dict[str, Path]:
    """Fills san/lib of the folder. Returns the libraries of others that went there."""
    foreign = libraries(library, helper)
    names = {name: unique_name(path) for name, path in sorted(foreign.items())}
    copies = {folder / "libsan.so.0": library, folder / "san/san-decode": helper}
    copies.update({folder / names[name]: path for name, path in foreign.items()})
    for copy, original in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(original, copy)
        copy.chmod(0o755)
        run("strip", "--strip-unneeded", copy)
        # One change at a time: Debian 12's patchelf writes the strings of several over each other.
        if copy.parent == folder:
            run("patchelf", "--set-soname", copy.name, copy)
        for name in needed(copy):
            run("patchelf", "--replace-needed", name, names[name], copy)
        up = "$ORIGIN" if copy.parent == folder else "$ORIGIN/.."
        run("patchelf", "--force-rpath", "--set-rpath", up, copy)
    for copy in copies:
        strangers = sorted(set(needed(copy)) - set(names.values()))
        if strangers:
            raise Failure(f"{copy.name} still needs {', '.join(strangers)}")
    return foreign


def platform_tag(folder: Path) -> str:
    """manylinux_2_N: the oldest glibc that has every symbol, in whose company the libstdc++ is new enough."""
    glibc = 17
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        versions = run("readelf", "--version-info", "--wide", file)
        glibc = max([glibc, *(int(minor) for minor in re.findall(r"Name: GLIBC_2\.(\d+)", versions))])
        for minor in map(int, re.findall(r"Name: GLIBCXX_3\.4\.(\d+)", versions)):
            if minor > max(GLIBC_OF_LIBSTDCXX):
                raise Failure(f"{file.name} needs GLIBCXX_3.4.{minor}, which this script does not know")
            glibc = max(glibc, GLIBC_OF_LIBSTDCXX.get(minor, 17))
    return f"manylinux_2_{glibc}_x86_64"


def licences(foreign: dict[str, Path]) -> dict[str, bytes]:
    """Texts of the project and of each Debian package that something comes from."""
    texts = {name: (ROOT / name).read_bytes() for name in ("LICENSE", "NOTICE")}
    packages = set(COMPILED_IN)
    for path in foreign.values():
        # dpkg knows files by the name they were packed with, with or without /usr.
        places = [path, Path("/usr") / path.relative_to("/"), Path("/") / path.relative_to("/usr")
                  if path.is_relative_to("/usr") else path]
        owners = [subprocess.run(["dpkg", "-S", str(place)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                 text=True, check=False).stdout for place in places]
        owner = next((text.split(":")[0] for text in owners if text), None)
        if owner is None:
            raise Failure(f"{path} belongs to no Debian package; its licence is not known")
        packages.add(owner)
    for package in sorted(packages):
        texts[f"{package}.txt"] = Path("/usr/share/doc", package, "copyright").read_bytes()
    return texts


def metadata(version: str, texts: dict[str, bytes]) -> str:
    lines = ["Metadata-Version: 2.1", "Name: san.cpp", f"Version: {version}",
             "Summary: Open-vocabulary semantic segmentation: a picture and any class names in, a class for every pixel "
             "out", "License: Apache-2.0", *(f"License-File: {name}" for name in sorted(texts)),
             "Classifier: License :: OSI Approved :: Apache Software License",
             "Classifier: Operating System :: POSIX :: Linux", "Classifier: Programming Language :: Python :: 3",
             "Classifier: Typing :: Typed", "Requires-Python: >=3.9", "Requires-Dist: numpy>=1.19",
             "Provides-Extra: pillow", "Requires-Dist: Pillow; extra == 'pillow'",
             "Description-Content-Type: text/markdown", "", (ROOT / "docs/python.md").read_text("utf-8")]
    return "\n".join(lines)


def write_wheel(path: Path, files: dict[str, tuple[bytes, int]], info: str) -> None:
    """files: content and mode by name. RECORD is added, as the format asks for."""
    def row(name: str, data: bytes) -> str:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        return f"{name},sha256={digest},{len(data)}\n"

    record = "".join(row(name, data) for name, (data, _) in sorted(files.items())) + f"{info}/RECORD,,\n"
    # The format begins in 1980; what is inside has no other time than its source's, if that is told.
    moment = time.gmtime(max(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), 315532800))[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, (data, mode) in [*sorted(files.items()), (f"{info}/RECORD", (record.encode(), 0o644))]:
            entry = zipfile.ZipInfo(name, moment)
            entry.create_system = 3  # Unix, for the mode
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)


def build(library: Path, helper: Path, version: str, output: Path) -> Path:
    files: dict[str, tuple[bytes, int]] = {}
    for source in sorted((HERE / "san").iterdir()):
        if source.suffix == ".py" or source.name == "py.typed":
            files[f"san/{source.name}"] = source.read_bytes(), 0o644
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        foreign = bundle(folder, library, helper)
        tag = platform_tag(folder)
        for file in folder.rglob("*"):
            if file.is_file():
                files[f"san/lib/{file.relative_to(folder)}"] = file.read_bytes(), 0o755
    info = f"san_cpp-{version}.dist-info"
    texts = licences(foreign)
    wheel_file = f"Wheel-Version: 1.0\nGenerator: san.cpp {version}\nRoot-Is-Purelib: false\nTag: py3-none-{tag}\n"
    files[f"{info}/METADATA"] = metadata(version, texts).encode(), 0o644
    files[f"{info}/WHEEL"] = wheel_file.encode(), 0o644
    for name, text in texts.items():
        files[f"{info}/licenses/{name}"] = text, 0o644
    output.mkdir(parents=True, exist_ok=True)
    path = output / f"san_cpp-{version}-py3-none-{tag}.whl"
    half = path.with_suffix(f".{os.getpid()}")
    try:
        write_wheel(half, files, info)
        for old in output.glob("san_cpp-*.whl"):
            old.unlink()
        half.rename(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--library", type=Path, required=True, help="libsan.so")
    parser.add_argument("--helper", type=Path, required=True, help="san-decode, which stands behind the sandbox")
    parser.add_argument("--version", required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder, made if missing")
    arguments = parser.parse_args()
    try:
        print(build(arguments.library.resolve(), arguments.helper.resolve(), arguments.version, arguments.output))
    except (Failure, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
