"""What was found in a picture."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np

from . import _c, _pictures
from ._errors import Error

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._pictures import Picture

    LabelArray = Union[npt.NDArray[np.uint16], npt.NDArray[np.uint32]]

_OTHER_COLOR = (112, 112, 112)
_TRANSPARENT = 1e-9  # 0 means the default there


class Timing(NamedTuple):
    """Milliseconds of one call, by stage."""

    resize_ms: float  #: pixels to the network's input
    network_ms: float  #: image branch and class logits
    labels_ms: float  #: logits to labels at the picture's size


@dataclass(frozen=True)
class Proposal:
    """What one query of the network says: a mask and the class that it most likely shows."""

    query: int
    class_index: int
    label: str  #: the class's name
    score: float  #: class_score × mask_score, 0 to 1
    class_score: float
    mask_score: float  #: mean mask probability inside the mask
    area: int  #: pixels
    rle: dict[str, Any]  #: {"size": [height, width], "counts": str}, as pycocotools takes it
    _proposals: _Proposals
    _index: int

    @property
    def mask(self) -> npt.NDArray[np.bool_]:
        """[height, width] bool, made anew each time."""
        return self._proposals.mask(self._index)


@dataclass(frozen=True)
class Polygon:
    """One connected region of a label map."""

    label: int  #: its value in the label map
    name: str  #: the class's name, or "other"
    area: int  #: pixels
    #: [corners, 2] int32 each: x, y of corners of pixels. The outline, clockwise as seen, then holes, anticlockwise.
    rings: list[npt.NDArray[np.int32]]


class _Proposals:
    """The library's list of proposals, for one thread at a time."""

    def __init__(self, handle: _c.Handle, shape: tuple[int, int]) -> None:
        self.handle = handle
        self.shape = shape
        self.lock = threading.Lock()

    def mask(self, index: int) -> npt.NDArray[np.bool_]:
        mask = np.empty(self.shape, np.bool_)
        with self.lock:
            _c.check(_c.lib.san_proposals_mask(self.handle, index, mask.ctypes.data, mask.size))
        return mask


class Result:
    """What was found in one picture. Classes are named by index or by name, "other" being what is none of them.

    Scores, proposals and JSON are computed when asked for, from the network's answer that this keeps. May outlive the
    model. Any number of threads may use it; they take turns.
    """

    def __init__(self, handle: _c.Handle, classes: tuple[str, ...], other: bool) -> None:
        self._handle = handle
        self._lock = threading.Lock()
        self._other = other
        #: Names of the classes, in the order of labels.
        self.classes: tuple[str, ...] = classes
        #: Pixels.
        self.height: int = _c.lib.san_result_height(handle)
        self.width: int = _c.lib.san_result_width(handle)

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the picture."""
        return self.height, self.width

    @property
    def labels(self) -> LabelArray:
        """[height, width] uint16, or uint32 where there are more than 65,535 classes: index of each pixel's class;
        len(classes) for "other".

        A read-only view of the library's memory, which it keeps alive; .copy() or .astype() make one to write to.
        """
        if len(self.classes) > 65535:
            return _c.view(_c.lib.san_result_labels32(self._handle), self.shape, "uint32", self._handle)
        return _c.view(_c.lib.san_result_labels(self._handle), self.shape, "uint16", self._handle)

    @property
    def label_scores(self) -> Optional[npt.NDArray[np.float32]]:
        """[height, width] float32, the score of each pixel's label, when segmented with label_scores=True; else None.
        A read-only view."""
        address = _c.lib.san_result_label_scores(self._handle)
        return _c.view(address, self.shape, "float32", self._handle) if address else None

    @property
    def areas(self) -> npt.NDArray[np.int64]:
        """[classes + 1] int64: pixels of each class, the last of "other"."""
        area = _c.lib.san_result_area
        return np.array([area(self._handle, index) for index in range(len(self.classes) + 1)], np.int64)

    @property
    def timing(self) -> Timing:
        timing = _c.Timing()
        _c.check(_c.lib.san_result_get_timing(self._handle, ctypes.byref(timing)))
        return Timing(timing.resize_ms, timing.network_ms, timing.labels_ms)

    def index(self, name: Union[int, str]) -> int:
        """Index of a class by its name (or index); len(classes) for "other". Raises san.Error."""
        if isinstance(name, str):
            if name in self.classes:
                return self.classes.index(name)
            if name == "other":
                return len(self.classes)
            raise Error(f"no class {name!r}; there are {_listed(self.classes)} and \"other\"")
        index = _c.integer(name, "class")
        if not 0 <= index <= len(self.classes):
            raise Error(f"class {index}; expected 0 to {len(self.classes) - 1}, or {len(self.classes)} for \"other\"")
        return index

    def mask(self, name: Union[int, str]) -> npt.NDArray[np.bool_]:
        """[height, width] bool: where the class is."""
        return np.equal(self.labels, self.index(name))

    def rle(self, name: Union[int, str]) -> dict[str, Any]:
        """The class's mask as {"size": [height, width], "counts": str}, as pycocotools takes it."""
        index = self.index(name)
        with self._computing():
            counts = _c.data_of(_c.lib.san_result_rle(self._handle, index))
        return {"size": [self.height, self.width], "counts": counts.decode("ascii")}

    def scores(self, classes: Optional[Sequence[Union[int, str]]] = None,
               size: Optional[tuple[int, int]] = None) -> npt.NDArray[np.float32]:
        """[chosen, height, width] float32: scores of the chosen classes, None for all (4 bytes × classes × pixels).

        "other" stands for the learned background. Labels are the argmax at the picture's size. size: (height, width)
        of the maps; None for the picture's.
        """
        chosen = range(len(self.classes)) if classes is None else [self.index(name) for name in classes]
        indices = np.array(list(chosen), np.int32)
        height, width = (_c.integer(side, "size") for side in size) if size is not None else self.shape
        if height <= 0 or width <= 0 or height > 2**16 or width > 2**16:
            raise Error(f"scores: maps of {width} × {height} pixels; expected sides of 1 to {2**16}")
        try:
            scores = np.empty((len(indices), height, width), np.float32)
        except MemoryError:
            raise Error(f"scores: not enough memory for {len(indices)} maps of {width} × {height} pixels; choose fewer "
                        "classes or a smaller size") from None
        with self._computing():
            _c.check(_c.lib.san_result_class_scores(self._handle, indices.ctypes.data, len(indices), height, width,
                                                    scores.ctypes.data, scores.size))
        return scores

    def proposals(self, min_class_score: float = 0.0, threshold: float = 0.5) -> list[Proposal]:
        """Mask proposals, the best score first, one for each query of the network whose mask is not empty.

        min_class_score: leave out what is less sure, 0 to 1. threshold: of the mask probability, between 0 and 1.
        Raises san.Error where the method makes no masks (Model.info.makes_masks).
        """
        if not 0 < threshold < 1:
            raise Error(f"proposals: a threshold of {threshold}; expected more than 0 and less than 1")
        made = self._proposals(min_class_score, threshold)
        found = []
        for index in range(_c.lib.san_proposals_count(made.handle)):
            p = _c.Proposal()
            _c.check(_c.lib.san_proposals_get(made.handle, index, ctypes.byref(p)))
            rle = {"size": [self.height, self.width], "counts": p.rle_counts.decode("ascii")}
            found.append(Proposal(p.query, p.class_index, self.classes[p.class_index], p.score, p.class_score,
                                  p.mask_score, p.area, rle, made, index))
        return found

    def overlay(self, image: Picture, *, opacity: float = 0.5, contours: bool = True, names: bool = True,
                legend: bool = True, colors: Optional[npt.ArrayLike] = None,
                channels: str = "rgb") -> npt.NDArray[np.uint8]:
        """The picture people look at, [height, width + legend, 3] uint8, RGB, read only.

        image: the picture that was segmented. opacity: of the colours over the picture, which is made a little greyer,
        0 to 1. colors: [classes, 3] uint8, RGB.
        channels: as Model.segment().
        """
        if not 0 <= opacity <= 1:
            raise Error(f"overlay: an opacity of {opacity}; expected 0 to 1")
        pixels, kept = _pictures.pixels_of(image, channels)
        options = _c.OverlayOptions(opacity=opacity or _TRANSPARENT, no_contours=not contours, no_names=not names,
                                    no_legend=not legend)
        if colors is not None:
            table = self._color_table(colors)
            options.colors, options.color_count = table.ctypes.data, len(table)
        with self._computing():
            return _pictures.overlay_image(
                _c.lib.san_result_overlay(self._handle, ctypes.byref(pixels), ctypes.byref(options)))

    def polygons(self, tolerance: float = 0.0) -> list[Polygon]:
        """The connected regions of all classes. Painted in their order, each with its first ring alone, they give the
        labels back. tolerance, pixels: no corner of a region's outline is farther from its polygon than that; neighbours
        share their simplified border, and a region that is thinner is left out."""
        names = (*self.classes, "other")
        made = _c.made(_c.lib.san_label_polygons32(_c.lib.san_result_labels32(self._handle), self.height, self.width,
                                                   float(tolerance)), _c.lib.san_polygons_free)
        found = []
        for index in range(_c.lib.san_polygons_count(made)):
            p = _c.Polygon()
            _c.check(_c.lib.san_polygons_get(made, index, ctypes.byref(p)))
            sizes = _c.view(p.ring_sizes, (p.ring_count,), "uintp", made)
            corners = _c.view(p.corners, (int(sizes.sum()), 2), "int32", made)
            found.append(Polygon(p.label, names[p.label], p.area, np.split(corners.copy(), np.cumsum(sizes)[:-1])))
        return found

    def json(self, *, image: str = "", model: str = "", proposals: bool = False,
             colors: Optional[npt.ArrayLike] = None) -> str:
        """A JSON object as ``san segment --save json`` writes it: image, model (as given here), width, height, classes
        (those present, the largest first: index, name, color, area, share, mean_score where label scores are known,
        segmentation as COCO RLE) and, if asked for, proposals. colors: as overlay()."""
        options = _c.JsonOptions(image=_c.text(image, "image"), model=_c.text(model, "model"))
        made = self._proposals(0.0, 0.5) if proposals else None
        if made is not None:
            options.proposals = made.handle._as_parameter_
        if colors is not None:
            table = self._color_table(colors)
            options.colors, options.color_count = table.ctypes.data, len(table)
        with self._computing():
            return _c.data_of(_c.lib.san_result_json_with(self._handle, ctypes.byref(options))).decode("utf-8")

    def to_dict(self, *, image: str = "", model: str = "", proposals: bool = False,
                colors: Optional[npt.ArrayLike] = None) -> dict[str, Any]:
        """json() as Python objects."""
        return json.loads(self.json(image=image, model=model, proposals=proposals,  # type: ignore[no-any-return]
                                    colors=colors))

    def labels_png(self, colors: Optional[npt.ArrayLike] = None) -> bytes:
        """A PNG file whose values are the labels, as ``san segment --save labels`` writes it: palette of `colors`
        ([classes, 3] uint8; None for distinct_colors()), 8 or 16 bit grey beyond 256 classes."""
        count = len(self.classes)
        table = self._color_table(_pictures.distinct_colors(count) if colors is None else colors)
        if self._other:
            table = np.concatenate([table, np.array([_OTHER_COLOR], np.uint8)])
        if len(table) > 256:
            table = table[:0]
        labels = self.labels
        return _c.data_of(_c.lib.san_encode_labels(labels.ctypes.data, self.height, self.width,
                                                   table.ctypes.data if len(table) else None, len(table)))

    def save_scores(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes a safetensors file: one float32 [height, width] tensor per class, "0003 wall"; whole or not at all."""
        with self._computing():
            _c.check(_c.lib.san_result_save_scores(self._handle, _c.file_name(path)))

    def _proposals(self, min_class_score: float, threshold: float) -> _Proposals:
        with self._computing():
            handle = _c.made(_c.lib.san_result_proposals(self._handle, min_class_score, threshold),
                             _c.lib.san_proposals_free)
        return _Proposals(handle, self.shape)

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        self._handle.check_process()
        with self._lock:
            yield

    def _color_table(self, colors: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """[classes, 3] uint8 without gaps. Raises Error on what is none."""
        table = np.asarray(colors)
        if table.shape != (len(self.classes), 3) or table.dtype.kind not in "ui" or (
                table.size and (table.min() < 0 or table.max() > 255)):
            raise Error(f"colors: expected {len(self.classes)} × 3 integers of 0 to 255, got {table.dtype} of shape "
                        f"{table.shape}")
        return np.ascontiguousarray(table, np.uint8)

    def __repr__(self) -> str:
        areas = self.areas
        order = [int(k) for k in np.argsort(-areas, kind="stable") if areas[k] > 0]
        names = (*self.classes, "other")
        shown = ", ".join(f"{names[k]} {100 * areas[k] / areas.sum():.0f} %" for k in order[:6])
        return f"<san.Result {self.width}×{self.height}: {shown}{', …' if len(order) > 6 else ''}>"

    def __reduce__(self) -> Any:
        raise Error("a result cannot be pickled; keep its labels.copy() or to_dict()")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
