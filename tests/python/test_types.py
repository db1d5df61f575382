"""The package's annotations hold, and a user's mistakes are found by them."""

import importlib.util
import os
import subprocess
import sys
import textwrap
import unittest

from support import ROOT, Tiny


@unittest.skipIf(importlib.util.find_spec("mypy") is None, "mypy is not installed (tools/packages-dev.txt)")
class Types(Tiny):
    def mypy(self, *arguments):
        environment = {**os.environ, "MYPYPATH": str(ROOT / "bindings/python")}
        done = subprocess.run([sys.executable, "-m", "mypy", "--ignore-missing-imports", "--python-version", "3.9",
                               "--enable-incomplete-feature=Unpack", "--cache-dir", self.folder / "cache", *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False)
        return done.returncode, done.stdout

    def test_the_package_is_typed_throughout(self):
        code, text = self.mypy("--strict", ROOT / "bindings/python/san", ROOT / "bindings/python/build_wheel.py")
        self.assertEqual(code, 0, text)

    def test_mistakes_are_found(self):
        program = self.folder / "program.py"
        program.write_text(textwrap.dedent("""
            import san
            model: san.Model = san.load(threads=san.ThreadBudget(2))
            for result in model.segment_frames(["a.png", b"bytes"], ["cat", ["sofa", "couch"]], label_scores=True):
                good: float = result.scores(["cat", 1], size=(3, 4)).sum() + result.proposals()[0].score
            model.segment("a.png", 5)
            model.segment_batch(["a.png"], "cat", short_sides=3)
            wrong: int = result.classes
        """))
        code, text = self.mypy(program)
        lines = sorted(int(line.split(":")[1]) for line in text.splitlines() if ": error:" in line)
        self.assertEqual((code, lines), (1, [6, 7, 8]), text)


if __name__ == "__main__":
    unittest.main()
