"""What a picture may be, and that its memory is read where it lies."""

import gc
import io
import unittest
import warnings

import numpy as np
import san
from san import _c, _pictures
from support import CLASSES, PHOTO, Tiny, picture

try:
    from PIL import Image
except ImportError:
    Image = None


class Arrays(Tiny):
    def labels(self, image, **options):
        return self.model.segment(image, CLASSES, **options).labels

    def test_layouts_of_the_same_pixels_give_the_same_labels_without_a_copy(self):
        rgb = picture()
        expected = self.labels(rgb)
        self.assertGreater(len(np.unique(expected)), 1)
        alpha = np.full((40, 56, 1), 7, np.uint8)
        rgba = np.concatenate([rgb, alpha], axis=2)
        bgra = np.concatenate([rgb[..., ::-1], alpha], axis=2)
        argb = np.concatenate([alpha, rgb], axis=2)
        wide = np.zeros((80, 100, 3), np.uint8)
        wide[:40, 20:76] = rgb
        tall = np.repeat(rgb, 2, axis=0)
        bgr = np.ascontiguousarray(rgb[..., ::-1])
        for name, image, options in [
                ("rgba", rgba, {}), ("part of a row", wide[:40, 20:76], {}), ("every second row", tall[::2], {}),
                ("bgr", bgr, {"channels": "bgr"}), ("bgra", bgra, {"channels": "bgr"}), ("bgr turned", bgr[..., ::-1], {}),
                ("rgba without a", rgba[..., :3], {}), ("argb without a", argb[..., 1:], {}),
                ("bgra turned", bgra[..., 2::-1], {}), ("rgb turned twice", rgb[..., ::-1], {"channels": "bgr"})]:
            with self.subTest(name):
                self.assert_same(self.labels(image, **options), expected)
                pixels, kept = _pictures.pixels_of(image, **options)
                self.assertTrue(np.shares_memory(kept, image), "copied")
                start = image.__array_interface__["data"][0]
                self.assertIn(pixels.data - start, (0, -2))

    def test_layouts_that_the_library_cannot_read_are_copied(self):
        rgb = picture()
        for name, image in [("mirrored", rgb[:, ::-1]), ("upside down", rgb[::-1]), ("every second", rgb[:, ::2]),
                            ("Fortran", np.asfortranarray(rgb)), ("turned", rgb.transpose(1, 0, 2)),
                            ("one row again and again", np.broadcast_to(rgb[:1], rgb.shape)),
                            ("plane of a picture", rgb[..., 1])]:
            with self.subTest(name):
                self.assert_same(self.labels(image), self.labels(image.copy()))

    def test_grey(self):
        grey = picture()[..., 0].copy()
        expected = self.labels(np.repeat(grey[:, :, None], 3, axis=2))
        self.assert_same(self.labels(grey), expected)
        self.assert_same(self.labels(grey[:, :, None]), expected)
        self.assert_same(self.labels(grey[:, :, None], channels="bgr"), expected)

    def test_sizes_of_one_pixel(self):
        for shape in [(1, 1, 3), (1, 9, 3), (9, 1, 4), (1, 1), (5, 1), (1, 5, 1)]:
            with self.subTest(shape):
                image = picture(shape[0], shape[1] * 2).reshape(-1)[: int(np.prod(shape))].reshape(shape)
                self.assertEqual(self.labels(image).shape, shape[:2])
        self.assertEqual(self.labels(picture()[:, :1]).shape, (40, 1))
        self.assertEqual(self.labels(picture()[:1, ::-1]).shape, (1, 56))

    def test_what_can_be_had_as_an_array(self):
        class Tensor:
            def __init__(self, values):
                self.values = values

            def __array__(self, dtype=None, copy=None):
                if self.values is None:
                    raise TypeError("lies on another device")
                return self.values

        self.assert_same(self.labels(Tensor(picture())), self.labels(picture()))
        self.assert_fails("another device", self.labels, Tensor(None))

    def test_what_is_no_picture(self):
        fails = self.assert_fails
        fails("got float32; scale to 0 … 255", self.labels, picture().astype(np.float32))
        fails("got bool", self.labels, picture() > 3)
        fails("channels come last", self.labels, picture().transpose(2, 0, 1))
        fails("segment_batch()", self.labels, picture()[None])
        fails("(40, 56, 2)", self.labels, picture()[..., :2])
        fails("both sides must be at least 1", self.labels, np.zeros((0, 5, 3), np.uint8))
        fails("more than can be segmented", self.labels, np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (2**31, 1, 3)))
        fails("got NoneType", self.labels, None)
        fails("got list", self.labels, [[1, 2]])
        fails("'cmyk'", self.labels, picture(), channels="cmyk")


class Files(Tiny):
    def test_paths_and_bytes(self):
        expected = self.model.segment(san.load_image(PHOTO), CLASSES).labels
        data = PHOTO.read_bytes()
        for source in (PHOTO, str(PHOTO), data, bytearray(data), memoryview(data), io.BytesIO(data)):
            with self.subTest(type(source).__name__):
                self.assert_same(self.model.segment(source, CLASSES).labels, expected)

    def test_decoded_pixels_are_a_view_that_keeps_their_memory(self):
        image = san.load_image(PHOTO)
        self.assertEqual((image.dtype, image.ndim, image.shape[2]), (np.uint8, 3, 3))
        self.assertFalse(image.flags.owndata or image.flags.writeable)
        part = image[10:20]
        before = part.copy()
        del image
        gc.collect()
        san.load_image(PHOTO)
        self.assert_same(part, before)

    def test_pictures_go_to_files_and_back(self):
        rgb = picture()
        san.save_image(self.folder / "a.png", rgb)
        self.assert_same(san.load_image(self.folder / "a.png"), rgb)
        self.assert_same(san.load_image(self.folder / "a.png", sandbox=True), rgb)
        self.assert_same(san.load_image(san.encode_png(rgb[..., ::-1], channels="bgr")), rgb)
        san.save_image(str(self.folder / "a.JPG"), rgb)
        self.assertEqual(san.load_image(self.folder / "a.JPG").shape, rgb.shape)
        self.assertLess(len(san.encode_jpeg(rgb, quality=5)), len(san.encode_jpeg(rgb, quality=100)))
        self.assert_fails("ends in .png", san.save_image, self.folder / "a.gif", rgb)
        self.assert_fails("quality", san.encode_jpeg, rgb, quality=0)

    def test_bad_files_are_named(self):
        self.assert_fails("gone.png", san.load_image, self.folder / "gone.png")
        (self.folder / "bad.png").write_bytes(PHOTO.read_bytes()[:500])
        self.assert_fails("bad.png", self.model.segment, self.folder / "bad.png", CLASSES)
        self.assert_fails("picture: an empty file", san.load_image, b"")
        self.assert_fails("upload 7", san.load_image, b"nothing", name="upload 7")
        self.assert_fails("zero byte", san.load_image, "a\0b")
        self.assert_fails("100", san.load_image, PHOTO, max_pixels=100)
        self.assert_fails("expected a path", san.load_image, 5)


@unittest.skipIf(Image is None, "python3-pil is not installed")
class Pillow(Tiny):
    def test_images_of_every_mode(self):
        rgb = Image.fromarray(picture())
        for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr"):
            with self.subTest(mode):
                image = rgb.convert(mode)
                expected = self.model.segment(np.asarray(image.convert("RGB")), CLASSES).labels
                self.assert_same(self.model.segment(image, CLASSES).labels, expected)

    def test_sixteen_bits_lose_the_low_byte_as_in_files(self):
        grey = picture()[..., 0].astype(np.uint16) * 256 + 17
        self.assert_same(_pictures._pillow_array(Image.fromarray(grey)), picture()[..., 0])

    def test_what_pillow_cannot_read(self):
        truncated = Image.open(io.BytesIO(PHOTO.read_bytes()[:9000]))
        self.assert_fails("Pillow cannot read it", self.model.segment, truncated, CLASSES)
        self.assert_fails("mode F", self.model.segment, Image.new("F", (4, 4)), CLASSES)

    def test_png_has_the_same_pixels_as_a_file(self):
        san.save_image(self.folder / "a.png", picture())
        with Image.open(self.folder / "a.png") as image:
            self.assert_same(self.model.segment(image, CLASSES).labels,
                             self.model.segment(self.folder / "a.png", CLASSES).labels)

    def test_other_formats_are_read_by_pillow_where_the_library_has_no_helper(self):
        rgb = picture()
        image = Image.fromarray(rgb)
        exif = Image.Exif()
        exif[0x0112] = 3  # upside down
        image.save(self.folder / "a.png", exif=exif)
        image.save(self.folder / "a.tif", tiffinfo={0x0112: 3})
        image.convert("L").save(self.folder / "grey.bmp")
        for name in ("a.png", "a.tif"):
            self.assert_same(_pictures._by_pillow(self.folder / name, name, 10**8), rgb[::-1, ::-1])
        self.assertEqual(_pictures._by_pillow((self.folder / "grey.bmp").read_bytes(), "x", 10**8).shape, rgb.shape)
        self.assert_fails("a.tif: 56 × 40 pixels", _pictures._by_pillow, self.folder / "a.tif", "a.tif", 2239)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.assert_fails("x.tif: Pillow cannot read it", _pictures._by_pillow, b"II*\0junk", "x.tif", 10)
        self.assert_same(san.load_image(self.folder / "grey.bmp")[..., 0], np.asarray(image.convert("L")))

    def test_constants_are_those_of_the_header(self):
        self.assertEqual((_c.RGB, _c.BGR, _c.RGBA, _c.BGRA, _c.GREY), (0, 1, 2, 3, 4))


if __name__ == "__main__":
    unittest.main()
