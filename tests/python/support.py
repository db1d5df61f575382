"""What the tests share: the smallest network, pictures, and the program."""

from __future__ import annotations

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
import san

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "tests/data/photos/cat.jpg"
CLASSES = ["cat", "sofa|couch", "wall"]


def picture(height: int = 40, width: int = 56, seed: int = 1) -> np.ndarray:
    """RGB that is no constant."""
    y, x = np.mgrid[:height, : width * 3]
    values = (y * 3 + x * 5 * seed + (x // 24) * (y // 16) * 40) % 256
    return values.astype(np.uint8).reshape(height, width, 3)


def program(*arguments: object, folder: object = None) -> str:
    """What `san` prints."""
    done = subprocess.run([os.environ["SAN_PROGRAM"], *map(str, arguments)], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"san {arguments}: {done.stderr}")
    return done.stdout


class Tiny(unittest.TestCase):
    """Tests with one model of the smallest network."""

    model: san.Model

    @classmethod
    def setUpClass(cls) -> None:
        cls.model = san.load("formula:tiny", threads=2)

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def assert_fails(self, words: str, call: object, *arguments: object, **keywords: object) -> None:
        with self.assertRaises(san.Error) as caught:
            call(*arguments, **keywords)  # type: ignore[operator]
        self.assertIn(words, str(caught.exception))

    def assert_same(self, a: np.ndarray, b: np.ndarray) -> None:
        np.testing.assert_array_equal(a, b)
