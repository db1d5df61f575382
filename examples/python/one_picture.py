"""one_picture.py PICTURE CLASS...: what is in it, and how much of it; overlay.png for people."""

import sys

import san


def main(path, *classes):
    model = san.load("default")  # or a model file; the built-in model knows drawn things
    image = san.load_image(path)  # or any array, Pillow image or path
    result = model.segment(image, classes)  # "sofa|couch" is one class with two names
    for name, pixels in zip(result.classes, result.areas):
        print(f"{name}: {pixels} pixels")
    san.save_image("overlay.png", result.overlay(image))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except san.Error as error:
        sys.exit(f"error: {error}")
