"""data_loader.py FOLDER [--batch N] [--workers N]: batches that threads decode while the network computes.

What torch's DataLoader does with processes, threads do here: decoding and segmenting let go of the GIL.
"""

import argparse
import collections
import concurrent.futures
import itertools
import sys
from pathlib import Path

import san


class PictureLoader:
    """Iterates over batches of (paths, arrays); decodes `workers` pictures at a time, one batch ahead."""

    def __init__(self, paths, batch_size=4, workers=2):
        self.paths = list(paths)
        self.batch_size = batch_size
        self.workers = workers

    def __len__(self):
        return -(-len(self.paths) // self.batch_size)

    def __iter__(self):
        waiting = iter(self.paths)
        ahead = collections.deque()
        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            def decode_more(count):
                for path in itertools.islice(waiting, count):
                    ahead.append((path, pool.submit(san.load_image, path)))

            decode_more(2 * self.batch_size)
            while ahead:
                batch = [ahead.popleft() for _ in range(min(self.batch_size, len(ahead)))]
                decode_more(len(batch))
                yield [path for path, _ in batch], [image.result() for _, image in batch]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    model = san.load("default")
    words = model.vocabulary(["cat", "wall", "sofa|couch"])  # embedded once
    for names, images in PictureLoader(paths, arguments.batch, arguments.workers):
        for path, result in zip(names, model.segment_batch(images, words)):
            print(f"{path.name}: {result}")


if __name__ == "__main__":
    try:
        main()
    except san.Error as error:
        sys.exit(f"error: {error}")
