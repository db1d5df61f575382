"""predictor.py PICTURE: the interface that users of detectron2, and of the authors' demo, know.

`predictor(image)["sem_seg"]` is [classes, height, width]; `.argmax(0)` of it are the labels. The picture is BGR, as
OpenCV reads it.
"""

import sys

import numpy as np

import san


class Predictor:
    def __init__(self, model="default", classes=(), **options):
        self.model = san.load(model, **options)
        self.words = self.model.vocabulary(list(classes)) if classes else self.model.vocabulary(label_set="coco-stuff-171")

    @property
    def classes(self):
        return self.words.classes

    def __call__(self, image):
        """image: [height, width, 3] uint8, BGR. Returns {"sem_seg": [classes, height, width] float32}."""
        result = self.model.segment(image, self.words, channels="bgr")
        return {"sem_seg": result.scores()}  # 4 bytes × classes × pixels; result.labels takes 2 bytes a pixel


def main(path):
    predictor = Predictor(classes=["cat", "wall", "sofa|couch"])
    image = san.load_image(path)[:, :, ::-1]  # with OpenCV: cv2.imread(path)
    scores = predictor(image)["sem_seg"]
    labels = scores.argmax(0)
    for index in np.unique(labels):
        print(f"sem_seg {scores.shape}: {predictor.classes[index]}, {np.mean(labels == index):.0%}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except san.Error as error:
        sys.exit(f"error: {error}")
