"""The wheel as a user meets it: built offline, the same bytes each time, installed into a fresh environment."""

import base64
import csv
import hashlib
import io
import os
import re
import shutil
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "tests/data/photos/cat.jpg"
EXAMPLES = ROOT / "examples/python"


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **options)
    if done.returncode != 0:
        raise AssertionError(f"{command}:\n{done.stdout}{done.stderr}")
    return done.stdout


def programs(document):
    """The blocks of Python in a Markdown file."""
    return re.findall(r"^```python\n(.*?)^```", document.read_text("utf-8"), re.S | re.M)


class Wheel(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("patchelf", "strip", "readelf", "ldd"):
            if shutil.which(tool) is None:
                raise unittest.SkipTest(f"{tool} is not installed (tools/packages.txt)")
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        cls.wheel = cls.build(cls.folder / "first")
        run("/usr/bin/python3", "-m", "venv", "--system-site-packages", cls.folder / "venv")
        cls.python = cls.folder / "venv/bin/python"
        # No way to the network, and none needed.
        run(cls.python, "-m", "pip", "install", "--no-index", "--no-cache-dir", "--disable-pip-version-check", cls.wheel)
        shutil.copy(PHOTO, cls.folder / "photo.jpg")

    @staticmethod
    def build(folder):
        path = Path(run(*os.environ["SAN_BUILD_WHEEL"].split("\t"), "--output", folder).strip())
        assert path.parent == folder, path
        return path

    def in_venv(self, *command, folder=None):
        environment = {name: value for name, value in os.environ.items() if name not in ("SAN_LIBRARY", "PYTHONPATH")}
        return run(self.python, *command, cwd=folder or self.folder, env=environment)

    def test_the_same_inputs_give_the_same_bytes(self):
        again = self.build(self.folder / "second")
        self.assertEqual(again.name, self.wheel.name)
        self.assertEqual(again.read_bytes(), self.wheel.read_bytes())

    def test_it_is_a_wheel_for_every_python(self):
        self.assertRegex(self.wheel.name, r"^san_cpp-\d+\.\d+\.\d+-py3-none-manylinux_2_\d+_x86_64\.whl$")
        with zipfile.ZipFile(self.wheel) as wheel:
            self.assertIsNone(wheel.testzip())
            record = next(name for name in wheel.namelist() if name.endswith("RECORD"))
            rows = list(csv.reader(io.TextIOWrapper(wheel.open(record), "utf-8")))
            self.assertEqual({row[0] for row in rows}, set(wheel.namelist()))
            for name, digest, size in rows:
                if name != record:
                    data = wheel.read(name)
                    expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
                    self.assertEqual((digest, int(size)), (f"sha256={expected}", len(data)), name)
            licences = [name for name in wheel.namelist() if "/licenses/" in name]
            self.assertGreater(len(licences), 5)
            for library in ("libpng16", "libjpeg", "libfreetype", "LICENSE", "NOTICE"):
                self.assertTrue(any(library in name for name in licences), library)
            metadata = wheel.read(record.replace("RECORD", "METADATA")).decode()
            self.assertIn("Requires-Python: >=3.9\n", metadata)
            self.assertIn("# Python", metadata)

    def test_libraries_come_from_the_wheel_or_from_every_linux(self):
        folder = Path(self.in_venv("-c", "import san, os; print(os.path.dirname(san.__file__))").strip()) / "lib"
        self.assertTrue(os.access(folder / "san/san-decode", os.X_OK))
        for file in (folder / "libsan.so.0", folder / "san/san-decode"):
            found = run("ldd", file)
            self.assertNotIn("not found", found)
            for name, path in re.findall(r"(\S+) => (\S+) ", found):
                if not re.match(r"(libc|libm|libgcc_s|libstdc\+\+|libz)\.so", name):
                    self.assertTrue(Path(path).resolve().is_relative_to(folder), f"{file.name} takes {name} from {path}")

    def test_labels_are_those_of_the_program(self):
        run(os.environ["SAN_PROGRAM"], "segment", "photo.jpg", "--model", "default", "--classes", "cat, wall, sofa|couch",
            "--save", "labels", "--output", ".", cwd=self.folder)
        self.in_venv("-c", "import san; model = san.load('default'); open('own.png', 'wb').write(model.segment("
                     "'photo.jpg', ['cat', 'wall', 'sofa|couch']).labels_png())")
        self.assertEqual((self.folder / "own.png").read_bytes(), (self.folder / "photo.labels.png").read_bytes())
        self.in_venv("-c", "import numpy, san; from PIL import Image; labels = san.load('default').segment('photo.jpg', "
                     "['cat', 'wall', 'sofa|couch']).labels; "
                     "assert numpy.array_equal(labels, numpy.asarray(Image.open('photo.labels.png')))")

    def test_pictures_of_other_formats_and_decoders_in_the_sandbox(self):
        self.in_venv("-c", "import san, numpy; from PIL import Image; image = Image.open('photo.jpg'); "
                     "image.save('photo.bmp'); a = san.load_image('photo.bmp'); "
                     "assert numpy.array_equal(a, numpy.asarray(image)); "
                     "assert san.load_image('photo.jpg', sandbox=True).shape == a.shape")

    def test_programs_of_the_documents_run(self):
        for document in (ROOT / "README.md", ROOT / "docs/python.md"):
            blocks = programs(document)
            self.assertGreater(len(blocks), 0, document)
            for number, block in enumerate(blocks):
                with self.subTest(document.name, block=number):
                    self.in_venv("-c", block)

    def test_examples_run(self):
        shown = self.in_venv(EXAMPLES / "one_picture.py", "photo.jpg", "cat", "wall")
        self.assertIn("cat", shown)
        self.assertTrue((self.folder / "overlay.png").exists())
        pictures = self.folder / "pictures"
        pictures.mkdir(exist_ok=True)
        for number in range(5):
            shutil.copy(PHOTO, pictures / f"{number}.jpg")
        shown = self.in_venv(EXAMPLES / "data_loader.py", pictures, "--batch", 2)
        self.assertEqual(len(re.findall(r"\d\.jpg: ", shown)), 5)
        self.assertIn("sem_seg", self.in_venv(EXAMPLES / "predictor.py", "photo.jpg"))

    def test_types_are_there(self):
        folder = Path(self.in_venv("-c", "import san, os; print(os.path.dirname(san.__file__))").strip())
        self.assertTrue((folder / "py.typed").exists())

    def test_source_is_that_of_the_oldest_python(self):
        import ast
        for file in sorted((ROOT / "bindings/python/san").glob("*.py")):
            ast.parse(file.read_text("utf-8"), feature_version=(3, 9))


if __name__ == "__main__":
    unittest.main()
