"""Writes the small pictures beside this file with Pillow, which the project's own code never uses."""
import pathlib

import numpy as np
from PIL import Image, ImageOps

here = pathlib.Path(__file__).parent
y, x = np.mgrid[0:4, 0:5]
rgb = np.stack([40 * x + 3, 50 * y + 7, 10 * (x + y)], -1).astype(np.uint8)
picture = Image.fromarray(rgb)
labels = (3 * y + x).astype(np.uint8)

picture.save(here / "rgb.png")
picture.save(here / "rgb.bmp")
picture.save(here / "rgb.ppm")
picture.save(here / "rgb.tif")
picture.save(here / "rgb.webp", lossless=True)
picture.putalpha(Image.fromarray(labels))
picture.save(here / "rgba.png")

Image.fromarray(labels).save(here / "grey8.png")
Image.fromarray(labels).save(here / "grey8.tif")
Image.fromarray(labels.astype(np.uint16) * 1000).save(here / "grey16.png")
Image.fromarray(labels.astype(np.uint16) * 1000).save(here / "grey16.tif")
indexed = Image.fromarray(labels, "P")
indexed.putpalette([v for i in range(16) for v in (i, 2 * i, 255 - i)])
indexed.save(here / "palette4.png", bits=4, transparency=3)

# Four coloured quarters, stored turned with the EXIF orientation that turns them upright.
upright = np.zeros((16, 32, 3), np.uint8)
upright[:8, :16], upright[:8, 16:], upright[8:, :16], upright[8:, 16:] = (250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)
inverse = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE,
           6: Image.ROTATE_90, 7: Image.TRANSVERSE, 8: Image.ROTATE_270}
for orientation, turn in inverse.items():
    stored = Image.fromarray(upright)
    if turn is not None:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(here / f"orientation{orientation}.png", exif=exif)
    if orientation in (1, 6, 7):
        stored.save(here / f"orientation{orientation}.jpg", exif=exif, quality=95, subsampling=0)
    reread = ImageOps.exif_transpose(Image.open(here / f"orientation{orientation}.png"))
    assert (np.array(reread) == upright).all(), orientation

Image.fromarray(upright).convert("CMYK").save(here / "cmyk.jpg", quality=95)
Image.fromarray(upright).convert("L").save(here / "grey.jpg", quality=95)
