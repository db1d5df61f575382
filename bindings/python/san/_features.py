"""What a network sees in pictures, before any words, and how that of videos is steadied."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any, Union

from . import _c
from ._errors import Error


class Features:
    """What the network sees in one picture, before any words: made by Model.look(), segmented with one vocabulary
    after the other by Model.segment(). Immutable; for any number of threads."""

    def __init__(self, handle: _c.Handle, shape: tuple[int, int]) -> None:
        self._handle = handle
        #: (height, width) of the picture.
        self.shape = shape

    @property
    def nbytes(self) -> int:
        """Memory that they hold; the picture itself is not among it."""
        return int(_c.lib.san_features_bytes(self._handle))

    def __repr__(self) -> str:
        return f"<san.Features of a picture of {self.shape[1]}×{self.shape[0]}>"

    def __reduce__(self) -> Any:
        raise Error("features cannot be pickled")


class Stream:
    """Steadies the frames of one video, each by those before it, between looking and naming:

    >>> stream = san.Stream()
    >>> for frame in frames:
    ...     result = model.segment(stream.next(model.look(frame)), classes)

    decay: share of the past in what a mask is called, above 0, up to 1. mask_decay: the same of the masks' outlines,
    where they stay in place. cut: likeness of two frames below which another scene begins. Threads that use one take
    turns."""

    def __init__(self, decay: float = 0.85, mask_decay: float = 0.3, cut: float = 0.45) -> None:
        if not (0 < decay <= 1 and 0 < cut <= 1):
            raise Error(f"stream: decay {decay}, cut {cut}; expected more than 0, at most 1")
        # In C zero asks for the default, and less for none.
        options = _c.StreamOptions(decay=decay, mask_decay=mask_decay or -1.0, cut=cut)
        self._handle = _c.made(_c.lib.san_stream_create(ctypes.byref(options)), _c.lib.san_stream_free)
        self._lock = threading.Lock()

    def next(self, frame: Features) -> Features:
        """The features of the next frame, steadied. Raises san.Error for methods other than "san"."""
        with self._lock:
            return Features(_c.made(_c.lib.san_stream_next(self._handle, frame._handle), _c.lib.san_features_free),
                            frame.shape)

    @property
    def began_scene(self) -> bool:
        """Whether the latest frame began a scene."""
        return bool(_c.lib.san_stream_began_scene(self._handle) == 1)

    def forget(self) -> None:
        """What comes next begins anew."""
        with self._lock:
            _c.check(_c.lib.san_stream_forget(self._handle))

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes what is known of the frames so far, whole or not at all."""
        with self._lock:
            _c.check(_c.lib.san_stream_save(self._handle, _c.file_name(path)))

    def load(self, path: Union[str, os.PathLike[str]]) -> None:
        """Goes on where the stream that was saved stood. Raises san.Error on what save() did not write."""
        with self._lock:
            _c.check(_c.lib.san_stream_load(self._handle, _c.file_name(path)))

    def __reduce__(self) -> Any:
        raise Error("a stream cannot be pickled; save() it and load() it in another")
