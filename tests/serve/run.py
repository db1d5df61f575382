"""Runs the tests of `san serve`: run.py PROGRAM [unittest's arguments]. Exit code 77: nothing was tested."""
import os
import sys
import unittest

try:
    import jsonschema  # noqa: F401
except ImportError:
    print("SKIPPED: python3-jsonschema is not installed (tools/packages.txt)", file=sys.stderr)
    sys.exit(77)
here = os.path.dirname(os.path.abspath(__file__))
os.environ["SAN_PROGRAM"] = os.path.abspath(sys.argv[1])
os.environ["SAN_SOURCE"] = os.path.dirname(os.path.dirname(here))
sys.path.insert(0, here)
if len(sys.argv) > 2:
    unittest.main(module=None, argv=["run.py", *sys.argv[2:]])
found = unittest.defaultTestLoader.discover(here, "test_*.py")
sys.exit(not unittest.TextTestRunner(verbosity=1).run(found).wasSuccessful())
