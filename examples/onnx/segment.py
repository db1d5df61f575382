"""segment.py FOLDER PICTURE NAME...: labels.png, from the graphs that `san export --onnx FOLDER --segmenter` wrote.

Needs numpy, Pillow, onnxruntime and, for names, tokenizers. Without names: those that `--classes` folded in.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
from PIL import Image


class Segmenter:
    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.about = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
        self.folder = folder
        self.network = onnxruntime.InferenceSession(str(folder / self.about["segmenter"]["file"]), providers=["CPUExecutionProvider"])

    def embed(self, names):
        """Rows [names, D]: the mean over all templates, of length 1. They can be kept for the next picture."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / self.about["text"]["tokenizer"]))
        text = onnxruntime.InferenceSession(str(self.folder / self.about["text"]["file"]), providers=["CPUExecutionProvider"])
        templates = self.about["text"]["templates"]
        prompts = [tokenizer.encode(t.replace("{}", name)).ids for name in names for t in templates]
        # Behind the end token anything may stand.
        ids = np.zeros((len(prompts), max(len(prompt) for prompt in prompts)), np.int64)
        for row, prompt in zip(ids, prompts):
            row[: len(prompt)] = prompt
        embeddings = text.run(None, {"token_ids": ids})[0]
        rows = embeddings.reshape(len(names), len(templates), -1).mean(axis=1)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def segment(self, rgb, rows=None):
        """The number of the best class for every pixel of an array [height, width, 3] of bytes."""
        text = {} if rows is None else {"text_embeddings": rows}
        return self.network.run(None, {"picture": rgb, **text})[0]


def main(folder, picture, *names):
    segmenter = Segmenter(folder)
    rows = segmenter.embed(names) if names else None
    labels = segmenter.segment(np.asarray(Image.open(picture).convert("RGB")), rows)
    for number, name in enumerate(names or segmenter.about["classes"]):
        print(f"{name}: {(labels == number).sum()} pixels")
    Image.fromarray(labels.astype(np.uint16)).save("labels.png")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
