"""Runs tests for CTest: `run.py python_test` what the package does, `run.py python_wheel_test` its wheel. What is
installed for the Python that runs this is tested by `run.py installed`.

Exit code 77 says that nothing was tested, and standard error why.
"""

from __future__ import annotations

import os
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
WHEEL = "test_wheel.py"


def main(suite: str) -> int:
    try:
        import numpy  # noqa: F401
    except ImportError:
        print("SKIPPED: python3-numpy is not installed (tools/packages.txt)", file=sys.stderr)
        return 77
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # of the processes that tests start
    with tempfile.TemporaryDirectory() as cache:
        os.environ["SAN_CACHE_DIR"] = cache
        if suite == "python_test":
            package = str(HERE.parent.parent / "bindings/python")
            sys.path.insert(0, package)
            os.environ["PYTHONPATH"] = package
        else:
            os.environ.pop("PYTHONPATH", None)
        tests = unittest.TestSuite()
        for file in sorted(HERE.glob("test_*.py")):
            if (file.name == WHEEL) == (suite == "python_wheel_test"):
                tests.addTests(unittest.defaultTestLoader.discover(str(HERE), file.name))
        result = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
