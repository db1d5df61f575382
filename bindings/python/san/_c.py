"""libsan's C interface (include/san/san.h) for ctypes: structs, functions, handles and errors.

ctypes lets go of the GIL during every call.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_float, c_int, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

import numpy as np

from ._errors import Cancelled, Error

if TYPE_CHECKING:
    import numpy.typing as npt

NO_LABEL = 0xffffffff  #: SAN_NO_LABEL
API_VERSION = 7  #: SAN_API_VERSION of the headers that this file follows
OK, ERROR, CANCELLED = 0, 1, 2
RGB, BGR, RGBA, BGRA, GREY = 0, 1, 2, 3, 4
EVALUATION, DEMO = 0, 1

PROGRESS = ctypes.CFUNCTYPE(None, c_int64, c_int64, c_void_p)
NO_PROGRESS = ctypes.cast(0, PROGRESS)


class Sized(ctypes.Structure):
    """A struct whose first field is its own size; fields that are not given are zero, which means their default."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(size=ctypes.sizeof(type(self)), **fields)


class Pixels(Sized):
    _fields_ = [("size", c_size_t), ("data", c_void_p), ("height", c_int32), ("width", c_int32), ("format", c_int32),
                ("stride_bytes", c_size_t)]


class DecodeOptions(Sized):
    _fields_ = [("size", c_size_t), ("max_pixels", c_int64), ("max_bytes", c_size_t), ("sandbox", c_int32),
                ("reserved", c_int32)]


class ModelOptions(Sized):
    _fields_ = [("size", c_size_t), ("backend", c_char_p), ("device", c_char_p), ("precision", c_char_p),
                ("method", c_char_p), ("budget", c_void_p), ("threads", c_int32), ("bpe_file", c_char_p),
                ("formula_seed", c_char_p), ("calibration", c_char_p), ("text_precision", c_char_p)]


class ModelFacts(Sized):
    _fields_ = [("size", c_size_t), ("name", c_char_p), ("description", c_char_p), ("license", c_char_p),
                ("card", c_char_p), ("limits", c_char_p), ("method", c_char_p), ("backend", c_char_p),
                ("device", c_char_p), ("precision", c_char_p), ("knows_background", c_int32), ("makes_masks", c_int32),
                ("random_weights", c_int32), ("untrained_adapter", c_int32), ("parameters", c_int64),
                ("text_parameters", c_int64), ("short_side", c_int32), ("long_side", c_int32), ("embedding", c_int32),
                ("context", c_int32), ("template_count", c_int32), ("reserved", c_int32), ("curve_a", c_double),
                ("curve_b", c_double), ("knows_curve", c_int32), ("takes_banks", c_int32),
                ("text_precision", c_char_p)]


class Cost(Sized):
    _fields_ = [("size", c_size_t), ("height", c_int32), ("width", c_int32), ("macs", c_int64),
                ("peak_activation_bytes", c_int64)]


class VocabularyOptions(Sized):
    _fields_ = [("size", c_size_t), ("templates", POINTER(c_char_p)), ("template_count", c_size_t),
                ("cache_folder", c_char_p), ("no_cache", c_int32), ("cancellation", c_void_p), ("progress", PROGRESS),
                ("user", c_void_p), ("distractors", POINTER(c_char_p)), ("distractor_count", c_size_t),
                ("choose_distractors", c_int32), ("reserved", c_int32), ("synonyms", c_char_p)]


class SegmentOptions(Sized):
    _fields_ = [("size", c_size_t), ("other", c_int32), ("label_scores", c_int32), ("preprocessing", c_int32),
                ("short_side", c_int32), ("long_side", c_int32), ("cancellation", c_void_p), ("progress", PROGRESS),
                ("user", c_void_p), ("min_score", c_float), ("refine", c_int32), ("augment", c_int32), ("window", c_int32),
                ("tile", c_int32), ("tile_overlap", c_int32)]


class StreamOptions(Sized):
    _fields_ = [("size", c_size_t), ("decay", c_float), ("mask_decay", c_float), ("cut", c_float),
                ("reserved", c_int32)]


class Timing(Sized):
    _fields_ = [("size", c_size_t), ("resize_ms", c_double), ("network_ms", c_double), ("labels_ms", c_double)]


class OverlayOptions(Sized):
    _fields_ = [("size", c_size_t), ("opacity", c_float), ("no_contours", c_int32), ("no_names", c_int32),
                ("no_legend", c_int32), ("colors", c_void_p), ("color_count", c_size_t)]


class JsonOptions(Sized):
    _fields_ = [("size", c_size_t), ("image", c_char_p), ("model", c_char_p), ("proposals", c_void_p),
                ("colors", c_void_p), ("color_count", c_size_t)]


class Polygon(Sized):
    _fields_ = [("size", c_size_t), ("area", c_int64), ("corners", c_void_p), ("ring_sizes", c_void_p),
                ("ring_count", c_size_t), ("label", c_int32), ("reserved", c_int32)]


class Proposal(Sized):
    _fields_ = [("size", c_size_t), ("query", c_int32), ("class_index", c_int32), ("score", c_float),
                ("class_score", c_float), ("mask_score", c_float), ("area", c_int64), ("rle_counts", c_char_p)]


#: Of every function: what it returns, then what it takes. Handles are void pointers. tests/python compares this with
#: the headers.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "san_version": (c_char_p,),
    "san_api_version": (c_int,),
    "san_last_error": (c_char_p,),
    "san_last_status": (c_int,),
    "san_buffer_data": (c_void_p, c_void_p),
    "san_buffer_size": (c_size_t, c_void_p),
    "san_buffer_free": (None, c_void_p),
    "san_save_file": (c_int, c_char_p, c_void_p, c_size_t),
    "san_cancellation_create": (c_void_p,),
    "san_cancellation_cancel": (None, c_void_p),
    "san_cancellation_reset": (None, c_void_p),
    "san_cancellation_free": (None, c_void_p),
    "san_threads_create": (c_void_p, c_int),
    "san_threads_count": (c_int, c_void_p),
    "san_threads_free": (None, c_void_p),
    "san_image_load": (c_void_p, c_char_p, POINTER(DecodeOptions)),
    "san_image_decode": (c_void_p, c_void_p, c_size_t, c_char_p, POINTER(DecodeOptions)),
    "san_image_pixels": (c_int, c_void_p, POINTER(Pixels)),
    "san_image_free": (None, c_void_p),
    "san_encode_png": (c_void_p, POINTER(Pixels)),
    "san_encode_jpeg": (c_void_p, POINTER(Pixels), c_int),
    "san_encode_labels": (c_void_p, c_void_p, c_int, c_int, c_void_p, c_size_t),
    "san_distinct_colors": (c_int, c_void_p, c_size_t),
    "san_model_load": (c_void_p, c_char_p, POINTER(ModelOptions)),
    "san_model_free": (None, c_void_p),
    "san_model_get_facts": (c_int, c_void_p, POINTER(ModelFacts)),
    "san_model_get_cost": (c_int, c_void_p, c_int, c_int, POINTER(Cost)),
    "san_model_template": (c_char_p, c_void_p, c_size_t),
    "san_backend_name": (c_char_p, c_size_t),
    "san_method_name": (c_char_p, c_size_t),
    "san_vocabulary_create": (c_void_p, c_void_p, POINTER(c_char_p), c_size_t, POINTER(VocabularyOptions)),
    "san_vocabulary_parse": (c_void_p, c_void_p, c_char_p, POINTER(VocabularyOptions)),
    "san_vocabulary_read": (c_void_p, c_void_p, c_char_p, POINTER(VocabularyOptions)),
    "san_vocabulary_of_label_set": (c_void_p, c_void_p, c_char_p, POINTER(VocabularyOptions)),
    "san_label_set_name": (c_char_p, c_size_t),
    "san_label_set_palette": (c_void_p, c_char_p),
    "san_prompt_templates": (c_void_p, c_char_p),
    "san_vocabulary_save": (c_int, c_void_p, c_char_p),
    "san_vocabulary_load": (c_void_p, c_void_p, c_char_p),
    "san_vocabulary_size": (c_size_t, c_void_p),
    "san_vocabulary_class": (c_char_p, c_void_p, c_size_t),
    "san_vocabulary_distractors": (c_void_p, c_void_p),
    "san_vocabulary_free": (None, c_void_p),
    "san_distractors": (c_void_p, c_void_p, POINTER(c_char_p), c_size_t, POINTER(VocabularyOptions)),
    "san_bank_load": (c_void_p, c_char_p),
    "san_bank_save": (c_int, c_void_p, c_char_p),
    "san_bank_read": (c_void_p, c_void_p, c_size_t, c_char_p),
    "san_bank_bytes": (c_void_p, c_void_p),
    "san_bank_gate": (c_int, c_void_p, c_void_p, c_void_p),
    "san_bank_size": (c_size_t, c_void_p),
    "san_bank_class": (c_char_p, c_void_p, c_size_t),
    "san_bank_pictures": (c_int64, c_void_p, c_size_t),
    "san_bank_weight": (c_float, c_void_p),
    "san_bank_free": (None, c_void_p),
    "san_vocabulary_with_bank": (c_void_p, c_void_p, c_void_p, c_void_p, c_float),
    "san_bank_builder_create": (c_void_p, c_void_p, c_void_p),
    "san_bank_builder_add32": (c_int, c_void_p, POINTER(Pixels), c_void_p, c_size_t, POINTER(SegmentOptions)),
    "san_bank_builder_add_whole": (c_int, c_void_p, POINTER(Pixels), c_int32, POINTER(SegmentOptions)),
    "san_bank_builder_continue": (c_void_p, c_void_p, c_void_p, c_void_p),
    "san_bank_builder_use": (c_int, c_void_p, c_void_p),
    "san_bank_builder_add_regions32": (c_int, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_void_p),
    "san_bank_builder_finish": (c_void_p, c_void_p),
    "san_bank_builder_free": (None, c_void_p),
    "san_segmenter_create": (c_void_p, c_void_p),
    "san_segmenter_free": (None, c_void_p),
    "san_segmenter_warm_up": (c_int, c_void_p, c_int, c_int, POINTER(SegmentOptions)),
    "san_segment": (c_void_p, c_void_p, c_void_p, POINTER(Pixels), POINTER(SegmentOptions)),
    "san_segment_labels": (c_int, c_void_p, c_void_p, POINTER(Pixels), POINTER(SegmentOptions), c_void_p, c_size_t),
    "san_segment_labels32": (c_int, c_void_p, c_void_p, POINTER(Pixels), POINTER(SegmentOptions), c_void_p, c_size_t),
    "san_segment_batch": (c_int, c_void_p, c_void_p, POINTER(POINTER(Pixels)), c_size_t, POINTER(SegmentOptions),
                          POINTER(c_void_p)),
    "san_look": (c_void_p, c_void_p, POINTER(Pixels), POINTER(SegmentOptions)),
    "san_segment_features": (c_void_p, c_void_p, c_void_p, c_void_p, POINTER(SegmentOptions)),
    "san_explain": (c_void_p, c_void_p, c_void_p, POINTER(Pixels), POINTER(SegmentOptions), POINTER(JsonOptions)),
    "san_explanation_page": (c_void_p, c_char_p),
    "san_features_bytes": (c_size_t, c_void_p),
    "san_features_free": (None, c_void_p),
    "san_stream_create": (c_void_p, POINTER(StreamOptions)),
    "san_stream_next": (c_void_p, c_void_p, c_void_p),
    "san_stream_began_scene": (c_int, c_void_p),
    "san_stream_forget": (c_int, c_void_p),
    "san_stream_save": (c_int, c_void_p, c_char_p),
    "san_stream_load": (c_int, c_void_p, c_char_p),
    "san_stream_free": (None, c_void_p),
    "san_result_free": (None, c_void_p),
    "san_result_height": (c_int, c_void_p),
    "san_result_width": (c_int, c_void_p),
    "san_result_classes": (c_size_t, c_void_p),
    "san_result_class": (c_char_p, c_void_p, c_size_t),
    "san_result_labels": (c_void_p, c_void_p),
    "san_result_labels32": (c_void_p, c_void_p),
    "san_result_label_scores": (c_void_p, c_void_p),
    "san_result_area": (c_int64, c_void_p, c_size_t),
    "san_result_rle": (c_void_p, c_void_p, c_size_t),
    "san_result_get_timing": (c_int, c_void_p, POINTER(Timing)),
    "san_result_class_scores": (c_int, c_void_p, c_void_p, c_size_t, c_int, c_int, c_void_p, c_size_t),
    "san_result_save_scores": (c_int, c_void_p, c_char_p),
    "san_result_json_with": (c_void_p, c_void_p, POINTER(JsonOptions)),
    "san_result_overlay": (c_void_p, c_void_p, POINTER(Pixels), POINTER(OverlayOptions)),
    "san_result_proposals": (c_void_p, c_void_p, c_float, c_float),
    "san_proposals_count": (c_size_t, c_void_p),
    "san_proposals_get": (c_int, c_void_p, c_size_t, POINTER(Proposal)),
    "san_proposals_mask": (c_int, c_void_p, c_size_t, c_void_p, c_size_t),
    "san_proposals_free": (None, c_void_p),
    "san_label_polygons32": (c_void_p, c_void_p, c_int, c_int, c_double),
    "san_polygons_count": (c_size_t, c_void_p),
    "san_polygons_get": (c_int, c_void_p, c_size_t, POINTER(Polygon)),
    "san_polygons_free": (None, c_void_p),
}


def _open() -> tuple[ctypes.CDLL, str]:
    """The library and its path: $SAN_LIBRARY, the one inside the package, else the system's."""
    inside = Path(__file__).resolve().parent / "lib" / "libsan.so.0"
    path = os.environ.get("SAN_LIBRARY") or (str(inside) if inside.exists() else "libsan.so.0")
    try:
        library = ctypes.CDLL(path)
        library.san_api_version.restype = c_int
        found = library.san_api_version()
    except (OSError, AttributeError) as error:
        raise ImportError(f"san: libsan cannot be loaded: {error}; install the wheel of san for this system (Linux on "
                          "x86-64), or name a libsan.so in $SAN_LIBRARY") from None
    if found < API_VERSION:
        raise ImportError(f"san: {path} has interface version {found}, but this package needs {API_VERSION}; update "
                          "libsan")
    for name, (returns, *takes) in FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = returns
        function.argtypes = takes
    return library, path


lib, path = _open()


class Handle:
    """Something of the library's, freed when nothing in Python refers to it any more. Passed to functions as it is."""

    __slots__ = ("__weakref__", "_as_parameter_", "_free", "_process")

    def __init__(self, pointer: int, free: Callable[[int], None]) -> None:
        self._as_parameter_ = pointer
        self._free = free
        self._process = os.getpid()

    def __del__(self, getpid: Callable[[], int] = os.getpid) -> None:
        # A forked process has none of the library's threads, for which freeing a model would wait. An interrupt may
        # have come before there was a process.
        if getattr(self, "_process", None) == getpid():
            self._free(self._as_parameter_)

    def check_process(self) -> None:
        """Raises Error in a process forked from the one that made this: the threads that compute are not in it."""
        if self._process != os.getpid():
            raise Error(f"this comes from process {self._process} and cannot compute in its fork {os.getpid()}; load the "
                        "model there, or start processes by \"spawn\"")


def failure() -> Error:
    """Why this thread's last call failed."""
    text = (lib.san_last_error() or b"").decode("utf-8", "replace")
    return (Cancelled if lib.san_last_status() == CANCELLED else Error)(text)


def check(status: int) -> None:
    if status != OK:
        raise failure()


def made(pointer: Optional[int], free: Callable[[int], None]) -> Handle:
    """The handle that a function just returned; raises Error when it is NULL."""
    if not pointer:
        raise failure()
    return Handle(pointer, free)


def data_of(pointer: Optional[int]) -> bytes:
    """What is in the buffer that a function just returned; frees it."""
    buffer = made(pointer, lib.san_buffer_free)
    return ctypes.string_at(lib.san_buffer_data(buffer), lib.san_buffer_size(buffer))


def view(address: int, shape: tuple[int, ...], dtype: str, owner: object) -> npt.NDArray[Any]:
    """An array of memory that belongs to `owner`, which it keeps alive. Read only."""
    return np.asarray(_Memory(address, shape, dtype, owner))


class _Memory:
    def __init__(self, address: int, shape: tuple[int, ...], dtype: str, owner: object) -> None:
        self.__array_interface__ = {"version": 3, "data": (address, True), "shape": shape,
                                    "typestr": np.dtype(dtype).str}
        self.owner = owner


def text(value: object, what: str) -> bytes:
    """`value` as the library takes text. Raises Error on what is none."""
    if not isinstance(value, str):
        raise Error(f"{what}: expected a string, got {type(value).__name__}")
    if "\0" in value:
        raise Error(f"{what}: a string with a zero byte in it")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise Error(f"{what}: a string that is not Unicode text") from None


def file_name(value: object, what: str = "path") -> bytes:
    """A path as the library takes it. Raises Error on what is none."""
    if not isinstance(value, (str, os.PathLike)):
        raise Error(f"{what}: expected a path, got {type(value).__name__}")
    encoded = os.fsencode(value)
    if b"\0" in encoded:
        raise Error(f"{what}: a path with a zero byte in it")
    return encoded


def integer(value: object, what: str) -> int:
    """`value` as a 32 bit integer, which ctypes would cut silently. Raises Error on others."""
    try:
        number = value.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        raise Error(f"{what}: expected an integer, got {type(value).__name__}") from None
    if not -(2**31) <= number < 2**31:
        raise Error(f"{what} is {number}; expected an integer of 32 bits")
    return int(number)


def names(function: Callable[[int], Optional[bytes]]) -> tuple[str, ...]:
    """What a function lists until it returns NULL."""
    found: list[str] = []
    while (name := function(len(found))) is not None:
        found.append(name.decode("utf-8", "replace"))
    return tuple(found)

