"""Pictures in and out: arrays, Pillow's images, files, bytes."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Iterable, Iterator, Optional, Union

import numpy as np

from . import _c
from ._errors import Error

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL.Image import Image as PillowImage

    #: A picture file: its path, its bytes, or what it is read from.
    File = Union[str, os.PathLike[str], bytes, bytearray, memoryview, BinaryIO]
    #: What every function that takes a picture takes.
    Picture = Union[npt.NDArray[np.uint8], PillowImage, File]

_MAX_SIDE = 2**30


def load_image(source: File, *, max_pixels: int = 0, sandbox: bool = False,
               name: str = "picture") -> npt.NDArray[np.uint8]:
    """Decodes a picture file to RGB, [height, width, 3] uint8; the pixels are those that ``san segment`` sees.

    EXIF orientation is applied, grey is repeated, alpha dropped, of 16 bit the high byte kept. PNG and JPEG are read
    by the library; other formats by it where its OpenCV helper is installed, else by Pillow.

    source: a path, or the bytes of a file or what they are read from, which `name` stands for in errors.
    max_pixels: larger pictures are refused before any is decoded; 0: 10**8.
    sandbox: decode in a helper process that can do nothing else.

    Raises san.Error on what is no picture, on damaged and truncated files, and beyond the limit. The array is read
    only and not copied from the library's memory.
    """
    options = _c.DecodeOptions(max_pixels=max_pixels, sandbox=sandbox)
    if not isinstance(source, (str, os.PathLike)) and hasattr(source, "read"):
        source = source.read()
    if isinstance(source, (bytes, bytearray, memoryview)):
        if len(source) == 0:
            raise Error(f"{name}: an empty file is no picture")
        try:
            data = np.frombuffer(source, np.uint8)
        except (BufferError, ValueError) as error:
            raise Error(f"{name}: these bytes cannot be read: {error}") from None
        label = _c.text(name, "name")
        decoded = _c.lib.san_image_decode(data.ctypes.data, data.size, label, ctypes.byref(options))
    else:
        decoded = _c.lib.san_image_load(_c.file_name(source, "picture"), ctypes.byref(options))
        name = os.fspath(source)
    if not decoded:
        reason = _c.failure()
        # Wheels lack the helper for formats other than PNG and JPEG.
        if not sandbox and "is missing from this installation" in str(reason):
            return _by_pillow(source, name, max_pixels or 10**8)
        raise reason
    image = _c.made(decoded, _c.lib.san_image_free)
    return _image_view(image)


def encode_png(image: Picture, *, channels: str = "rgb") -> bytes:
    """The picture as a PNG file's bytes, RGB of 8 bit. channels: as Model.segment()."""
    pixels, _ = pixels_of(image, channels)
    return _c.data_of(_c.lib.san_encode_png(ctypes.byref(pixels)))


def encode_jpeg(image: Picture, *, quality: int = 95, channels: str = "rgb") -> bytes:
    """The picture as a JPEG file's bytes. quality: 1 to 100. channels: as Model.segment()."""
    pixels, _ = pixels_of(image, channels)
    return _c.data_of(_c.lib.san_encode_jpeg(ctypes.byref(pixels), _c.integer(quality, "quality")))


def save_image(path: Union[str, os.PathLike[str]], image: Picture, *, channels: str = "rgb") -> None:
    """Writes the picture as PNG or JPEG, as the path ends; whole or not at all. channels: as Model.segment()."""
    ending = os.path.splitext(os.fspath(path))[1].lower()
    if ending not in (".png", ".jpg", ".jpeg"):
        raise Error(f"{os.fspath(path)}: expected a path that ends in .png, .jpg or .jpeg")
    png = ending == ".png"
    save_file(path, encode_png(image, channels=channels) if png else encode_jpeg(image, channels=channels))


def save_file(path: Union[str, os.PathLike[str]], data: bytes) -> None:
    """Writes a file: whoever reads it sees what was there before or all of it."""
    _c.check(_c.lib.san_save_file(_c.file_name(path), data, len(data)))


def distinct_colors(count: int) -> npt.NDArray[np.uint8]:
    """[count, 3] uint8, RGB, easily told apart, the same every time: what overlays use."""
    colors = np.empty((max(_c.integer(count, "count"), 0), 3), np.uint8)
    _c.check(_c.lib.san_distinct_colors(colors.ctypes.data, len(colors)))
    return colors


def overlay_image(pointer: Optional[int]) -> npt.NDArray[np.uint8]:
    """[height, width, 3] of the image that a function just returned."""
    return _image_view(_c.made(pointer, _c.lib.san_image_free))


def pixels_of(image: Any, channels: str = "rgb") -> tuple[_c.Pixels, object]:
    """The picture as the library takes it, and what must be kept until it has been read."""
    if channels not in ("rgb", "bgr"):
        raise Error(f"channels is {channels!r}; expected \"rgb\" or \"bgr\"")
    if isinstance(image, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(image, "read"):
        return _array_pixels(load_image(image), "rgb")
    pillow = sys.modules.get("PIL.Image")
    if pillow is not None and isinstance(image, pillow.Image):
        return _array_pixels(_pillow_array(image), "rgb")
    if isinstance(image, np.ndarray):
        return _array_pixels(image, channels)
    if not any(hasattr(image, name) for name in ("__array__", "__array_interface__")):
        raise Error(f"picture: expected an array of 8 bit, a Pillow image, a path or the bytes of a file, got "
                    f"{type(image).__name__}")
    try:
        array = np.asarray(image)
    except Exception as error:
        raise Error(f"picture: {type(image).__name__} cannot be had as a numpy array: {error}") from error
    return _array_pixels(array, channels)


def several(pictures: Iterable[Picture]) -> Iterator[Picture]:
    """Iterates over pictures. Raises Error on a single one, whose rows or characters would pass for pictures."""
    single = isinstance(pictures, (str, os.PathLike, bytes, bytearray, memoryview)) or hasattr(pictures, "read")
    shape = getattr(pictures, "shape", (0, 0, 0, 0))
    if single or len(shape) < 3 or (len(shape) == 3 and shape[2] in (1, 3, 4)):
        raise Error("expected several pictures, such as a list of them, got a single one; segment() takes that")
    try:
        return iter(pictures)
    except TypeError:
        raise Error(f"expected several pictures, such as a list of them, got {type(pictures).__name__}") from None


def _array_pixels(array: npt.NDArray[Any], channels: str) -> tuple[_c.Pixels, object]:
    _check_array(array)
    if array.ndim == 2:
        array = array[:, :, None]
    layout = _layout(array)
    if layout is None:
        array = np.ascontiguousarray(array)
        layout = _layout(array)
        assert layout is not None
    order, offset, row = layout
    if channels == "bgr":
        order = {_c.RGB: _c.BGR, _c.BGR: _c.RGB, _c.RGBA: _c.BGRA, _c.BGRA: _c.RGBA}.get(order, order)
    height, width = array.shape[:2]
    address = array.__array_interface__["data"][0] + offset
    return _c.Pixels(data=address, height=height, width=width, format=order, stride_bytes=row), array


def _check_array(array: npt.NDArray[Any]) -> None:
    if array.dtype != np.uint8:
        hint = "; scale to 0 … 255 and convert with .astype(np.uint8)" if array.dtype.kind == "f" else ""
        raise Error(f"picture: expected an array of uint8, got {array.dtype}{hint}")
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        hint = ""
        if array.ndim == 3 and array.shape[0] in (1, 3, 4):
            hint = "; channels come last: .transpose(1, 2, 0)"
        elif array.ndim == 4:
            hint = "; segment_batch() takes several pictures"
        raise Error(f"picture: expected shape (height, width), or (height, width, 1, 3 or 4), got {array.shape}{hint}")
    if min(array.shape[:2]) < 1:
        raise Error(f"picture: {array.shape[1]} × {array.shape[0]} pixels; both sides must be at least 1")
    if max(array.shape[:2]) > _MAX_SIDE:
        raise Error(f"picture: {array.shape[1]} × {array.shape[0]} pixels, more than can be segmented")


def _layout(array: npt.NDArray[np.uint8]) -> Optional[tuple[int, int, int]]:
    """(format, bytes from the array's first to the library's first, bytes from row to row) of an array whose memory
    the library can read as it is; None when it must be copied. Channels may run backwards (``bgr[..., ::-1]``), and
    three of four may be chosen (``rgba[..., :3]``): of a fourth byte the library reads nothing."""
    height, width, count = array.shape
    row, step, channel = array.strides
    if width == 1:
        step = count
    if count == 1:
        order, offset, used = (_c.GREY, 0, 1) if step == 1 else (None, 0, 0)
    elif channel == 1 and step in (3, 4) and step >= count:
        order, offset, used = (_c.RGB if step == 3 else _c.RGBA), 0, step
    elif channel == -1 and count == 3 and step in (3, 4):
        order, offset, used = (_c.BGR if step == 3 else _c.BGRA), -2, step
    else:
        return None
    if order is None or (height > 1 and row < width * used):
        return None
    return order, offset, row if height > 1 else 0


def _pillow_array(image: PillowImage) -> npt.NDArray[np.uint8]:
    """The pixels as they are: like everything that takes a Pillow image, without its EXIF orientation."""
    try:
        image.load()  # numpy takes what an old Pillow raises while it converts for an array of objects
        if image.mode.startswith("I;16"):
            return (np.asarray(image) >> 8).astype(np.uint8)
        if image.mode in ("I", "F"):
            raise Error(f"picture: a Pillow image of mode {image.mode}, whose range is not known; convert it to L or RGB")
        return np.asarray(image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGB"))
    except (OSError, ValueError, SyntaxError) as error:
        raise Error(f"picture: Pillow cannot read it: {error}") from error


def _image_view(image: _c.Handle) -> npt.NDArray[np.uint8]:
    pixels = _c.Pixels()
    _c.check(_c.lib.san_image_pixels(image, ctypes.byref(pixels)))
    return _c.view(pixels.data, (pixels.height, pixels.width, 3), "uint8", image)


def _by_pillow(source: Any, name: str, max_pixels: int) -> npt.NDArray[np.uint8]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise Error(f"{name}: neither PNG nor JPEG; other formats are read by Pillow, which is not installed") from None
    try:
        with Image.open(source if isinstance(source, (str, os.PathLike)) else io.BytesIO(source)) as image:
            if image.width * image.height > max_pixels:
                raise Error(f"{name}: {image.width} × {image.height} pixels, more than the {max_pixels} allowed")
            # Pillow turns a TIFF itself.
            turned = image if image.format == "TIFF" else ImageOps.exif_transpose(image) or image
            return _three_channels(_pillow_array(turned))
    except Error as error:
        raise error if str(error).startswith(name) else Error(f"{name}: {error}") from None
    except Exception as error:
        raise Error(f"{name}: Pillow cannot read it: {error}") from error


def _three_channels(array: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if array.ndim == 2:
        return np.repeat(array[:, :, None], 3, axis=2)
    return array[:, :, :3]
