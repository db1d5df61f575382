"""A hostile input with the command line that reads it."""
from dataclasses import dataclass, field


@dataclass
class Case:
    name: str
    files: dict          # path below the case's folder -> bytes, or a number: a file of that size full of holes
    args: list           # of the program; {dir} is the case's folder, {tiny} a good model, {picture} a good picture
    names: str = ""      # what the error must name; otherwise the first file
    accepts: bool = False  # may also succeed: harmless damage
    needs_memory_limit: bool = False  # refused for its memory, which sanitizers do not limit
    computes: bool = False  # accepted, and then a large network or many prompts are computed, which under sanitizers takes minutes
    output: str = ""     # must not exist after a failure
    program: str = ""    # beside the program, which becomes it; without it the case is left out

    def expected_name(self):
        return self.names or next(iter(self.files), "")


def inspect(name, content, **more):
    return Case(name, {"x.safetensors": content}, ["inspect", "-m", "{dir}/x.safetensors"], **more)


def convert(name, content, file="x.pth", **more):
    return Case(name, {file: content}, ["convert", "{dir}/" + file, "-o", "{dir}/out.safetensors", "--bpe", "{merges}"],
                output="out.safetensors", **more)


def verify(name, content, **more):
    return Case(name, {"x.safetensors": content},
                ["verify", "{dir}/x.safetensors", "--backend", "native", "-j", "1"], **more)
