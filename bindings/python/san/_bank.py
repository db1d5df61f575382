"""Labelled examples of classes: what words cannot say, or say badly."""

from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from . import _c, _pictures
from ._calls import Cancellation, run
from ._errors import Error

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._features import Features
    from ._pictures import Picture
    from ._vocabulary import Vocabulary


class Bank:
    """Examples of classes as one network sees them, from load_bank() or BankBuilder.finish(). Immutable; for any number
    of threads."""

    def __init__(self, handle: _c.Handle) -> None:
        self._handle = handle
        count = _c.lib.san_bank_size(handle)
        #: Pictures that show each class, by its name.
        self.classes: dict[str, int] = {
            _c.lib.san_bank_class(handle, index).decode("utf-8"): _c.lib.san_bank_pictures(handle, index)
            for index in range(count)}

    @property
    def weight(self) -> float:
        """Of examples beside words, as leaving out one picture after the other found it."""
        return float(_c.lib.san_bank_weight(self._handle))

    @property
    def gate(self) -> Optional[tuple[float, float]]:
        """Of pictures like the bank's own: distances up to which the weight is whole, and from which on it is nothing.
        None where the bank holds for all pictures alike."""
        open_, closed = ctypes.c_float(), ctypes.c_float()
        found = _c.lib.san_bank_gate(self._handle, ctypes.addressof(open_), ctypes.addressof(closed))
        return (open_.value, closed.value) if found == 1 else None

    def to_bytes(self) -> bytes:
        """What save() writes."""
        return _c.data_of(_c.lib.san_bank_bytes(self._handle))

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes it for load_bank() and `san segment --bank`, whole or not at all."""
        _c.check(_c.lib.san_bank_save(self._handle, _c.file_name(path)))

    def __repr__(self) -> str:
        return f"<san.Bank of {len(self.classes)} classes>"

    def __reduce__(self) -> Any:
        return load_bank, (self.to_bytes(),)


def load_bank(path: Union[str, os.PathLike[str], bytes]) -> Bank:
    """What Bank.save() or `san bank build` wrote: a path, or the bytes of the file. Raises san.Error on a damaged one."""
    if isinstance(path, bytes):
        return Bank(_c.made(_c.lib.san_bank_read(path, len(path), None), _c.lib.san_bank_free))
    return Bank(_c.made(_c.lib.san_bank_load(_c.file_name(path)), _c.lib.san_bank_free))


def _label_values(labels: npt.NDArray[Any], shape: tuple[int, int], classes: int) -> npt.NDArray[np.uint32]:
    if labels.shape != shape or labels.dtype.kind not in "iu":
        raise Error(f"labels: expected integers of shape {shape}, got {labels.dtype} of shape {labels.shape}")
    unknown = (labels == -1) | ((labels == 65535) if classes <= 65535 else False)
    outside = labels[~unknown & ((labels < 0) | (labels >= classes))]
    if outside.size:
        raise Error(f"labels: a label {outside[0]} where there are {classes} classes")
    return np.ascontiguousarray(np.where(unknown, _c.NO_LABEL, labels), np.uint32)


class BankBuilder:
    """Makes a bank of a vocabulary's classes, picture by picture; from Model.bank_builder(). One thread at a time."""

    def __init__(self, model: _c.Handle, words: Vocabulary, bank: Optional[Bank] = None) -> None:
        self._classes = words.classes
        made = (_c.lib.san_bank_builder_create(model, words._handle) if bank is None
                else _c.lib.san_bank_builder_continue(model, words._handle, bank._handle))
        self._handle = _c.made(made, _c.lib.san_bank_builder_free)

    def add(self, image: Picture, labels: Union[npt.NDArray[Any], str, int], *, channels: str = "rgb") -> None:
        """A picture as Model.segment() takes it. labels: [height, width] integers, indices of the classes and -1
        where nothing is known (65535 too, as long as it is no class); or the class, by name or index, of a picture of one thing in its middle."""
        self._handle.check_process()
        pixels, kept = _pictures.pixels_of(image, channels)
        if isinstance(labels, np.ndarray):
            values = _label_values(labels, (pixels.height, pixels.width), len(self._classes))
            _c.check(_c.lib.san_bank_builder_add32(self._handle, ctypes.byref(pixels), values.ctypes.data,
                                                   values.size, None))
            return
        if isinstance(labels, str):
            if labels not in self._classes:
                raise Error(f"labels: {labels!r} is none of the classes")
            labels = self._classes.index(labels)
        _c.check(_c.lib.san_bank_builder_add_whole(self._handle, ctypes.byref(pixels), _c.integer(labels, "labels"),
                                                   None))

    def add_regions(self, features: Features, labels: npt.NDArray[Any], *,
                    cancellation: Optional[Cancellation] = None) -> int:
        """Regions of a picture that somebody named, labels as in add(), of what Model.look() returned; it may come again
        with others and counts once. What is said last of a region holds. Returns how many examples it gave: 0 where the
        regions are smaller than a thousandth of the picture."""
        self._handle.check_process()
        values = _label_values(labels, features.shape, len(self._classes))
        examples = ctypes.c_size_t()
        run(lambda stop: _c.check(_c.lib.san_bank_builder_add_regions32(
            self._handle, features._handle, values.ctypes.data, values.size, stop, ctypes.addressof(examples))),
            cancellation)
        return examples.value

    def use(self, words: Vocabulary) -> None:
        """Goes on with other words, among whose classes are all that have examples; raises san.Error otherwise."""
        self._handle.check_process()
        _c.check(_c.lib.san_bank_builder_use(self._handle, words._handle))
        self._classes = words.classes

    def finish(self) -> Bank:
        """The bank of what was added so far. Raises san.Error when that is nothing."""
        return Bank(_c.made(_c.lib.san_bank_builder_finish(self._handle), _c.lib.san_bank_free))

    def __reduce__(self) -> Any:
        raise Error("a bank builder cannot be pickled")
