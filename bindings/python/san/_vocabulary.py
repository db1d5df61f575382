"""Class names as a model knows them."""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Callable, Iterable, Optional, Sequence, Union

import numpy as np

from . import _c
from ._calls import Cancellation, Progress, run
from ._errors import Error

if TYPE_CHECKING:
    import numpy.typing as npt

    #: A list of classes ("sofa|couch", or ("sofa", "couch"), is one class with two names), "cat, sofa|couch" as one
    #: string, or a path (not a string) of a file with one class a line.
    Classes = Union[str, Sequence[Union[str, Sequence[str]]], os.PathLike[str]]


class Vocabulary:
    """Classes with the embeddings of their names, made by Model.vocabulary(). Immutable; for any number of threads,
    and for every model with the same text tower."""

    def __init__(self, handle: _c.Handle) -> None:
        self._handle = handle
        count = _c.lib.san_vocabulary_size(handle)
        #: Labels of the classes, each the first of its names; a label map's values are indices into it.
        self.classes: tuple[str, ...] = tuple(
            _c.lib.san_vocabulary_class(handle, index).decode("utf-8") for index in range(count))
        #: What is looked for too, but becomes "other".
        self.distractors: tuple[str, ...] = tuple(
            _c.data_of(_c.lib.san_vocabulary_distractors(handle)).decode("utf-8").splitlines())

    def save(self, path: Union[str, os.PathLike[str]]) -> None:
        """Writes the embeddings for Model.load_vocabulary(), whole or not at all."""
        _c.check(_c.lib.san_vocabulary_save(self._handle, _c.file_name(path)))

    def __len__(self) -> int:
        return len(self.classes)

    def __repr__(self) -> str:
        shown = ", ".join(self.classes[:6]) + (", …" if len(self) > 6 else "")
        return f"<san.Vocabulary of {len(self)}: {shown}>"

    def __reduce__(self) -> Any:
        raise Error("a vocabulary cannot be pickled; save() it and use Model.load_vocabulary()")


def label_sets() -> tuple[str, ...]:
    """Names of the built-in class lists, such as "coco-stuff-171"; see Model.vocabulary(label_set=…)."""
    return _c.names(_c.lib.san_label_set_name)


def label_set_palette(label_set: str) -> Optional[npt.NDArray[np.uint8]]:
    """Customary colours of a built-in list, [classes, 3] uint8, RGB; None where it has none."""
    data = _c.data_of(_c.lib.san_label_set_palette(_c.text(label_set, "label_set")))
    return np.frombuffer(data, np.uint8).reshape(-1, 3) if data else None


def prompt_templates(name: Union[str, os.PathLike[str]]) -> tuple[str, ...]:
    """Templates of a built-in set ("vild", "imagenet", "single") or of a file with one a line."""
    data = _c.data_of(_c.lib.san_prompt_templates(_c.file_name(name, "templates")))
    return tuple(data.decode("utf-8", "replace").splitlines())


def key_of(classes: Any) -> Union[str, tuple[str, ...]]:
    """Classes as names with bars, or the string or path that lists them; what the library takes and a dict too."""
    if isinstance(classes, str):
        return classes
    if isinstance(classes, Iterable) and not isinstance(classes, (bytes, bytearray)):
        return tuple(_joined(entry) for entry in classes)
    raise Error(f"classes: expected a list of names, one string with commas, a path or a Vocabulary, got "
                f"{type(classes).__name__}")


def _joined(entry: Any) -> str:
    names = [entry] if isinstance(entry, str) else entry
    if not isinstance(names, (list, tuple)) or not names or not all(isinstance(name, str) for name in names):
        raise Error(f"classes: expected names or lists of names, got {entry!r}")
    return "|".join(names)


def make(model: _c.Handle, classes: Any, label_set: Optional[str], templates: Any, cache: Any,
         cancellation: Optional[Cancellation], progress: Optional[Callable[[int, int], object]],
         distractors: Any = "auto", synonyms: Optional[str] = None) -> Vocabulary:
    """What Model.vocabulary() returns."""
    if (classes is None) == (label_set is None):
        raise Error("vocabulary: give either classes or label_set")
    prompts = _template_list(templates)
    options = _c.VocabularyOptions(template_count=len(prompts), no_cache=cache is False)
    if prompts:
        options.templates = (ctypes.c_char_p * len(prompts))(*prompts)
    if not isinstance(cache, bool):
        options.cache_folder = _c.file_name(cache, "cache")
    options.choose_distractors = distractors == "auto"
    others = [] if distractors in ("auto", "none") else [_c.text(name, "distractors") for name in key_of(distractors)]
    if others:
        options.distractors = (ctypes.c_char_p * len(others))(*others)
        options.distractor_count = len(others)
    if synonyms is not None:
        options.synonyms = _c.text(synonyms, "synonyms")
    function, arguments = _source(classes, label_set)

    def body(stop: _c.Handle) -> _c.Handle:
        with Progress(progress, stop) as told:
            options.cancellation = stop._as_parameter_
            options.progress = told.function
            return _c.made(function(model, *arguments, ctypes.byref(options)), _c.lib.san_vocabulary_free)

    return Vocabulary(run(body, cancellation))


class Recent:
    """The vocabularies that a model was asked with last."""

    _KEPT = 16

    def __init__(self, model: _c.Handle) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._known: OrderedDict[Any, Vocabulary] = OrderedDict()

    def of(self, classes: Any, cancellation: Optional[Cancellation], distractors: Any = "auto") -> Vocabulary:
        """The vocabulary itself, or that of the classes."""
        if isinstance(classes, Vocabulary):
            if distractors != "auto":
                raise Error("distractors: a Vocabulary has its own; give them to Model.vocabulary()")
            return classes
        self._model.check_process()
        if isinstance(classes, os.PathLike):  # the file may change
            return make(self._model, classes, None, None, True, cancellation, None, distractors)
        key = key_of(classes), key_of(distractors)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        words = make(self._model, key[0], None, None, True, cancellation, None, key[1])
        with self._lock:
            self._known[key] = words
            while len(self._known) > self._KEPT:
                self._known.popitem(last=False)
        return words


def _source(classes: Any, label_set: Optional[str]) -> tuple[Any, tuple[Any, ...]]:
    """The function that makes the vocabulary, and what it takes between model and options."""
    if label_set is not None:
        return _c.lib.san_vocabulary_of_label_set, (_c.text(label_set, "label_set"),)
    if isinstance(classes, os.PathLike):
        return _c.lib.san_vocabulary_read, (_c.file_name(classes, "classes"),)
    key = key_of(classes)
    if isinstance(key, str):
        return _c.lib.san_vocabulary_parse, (_c.text(key, "classes"),)
    names = [_c.text(name, "classes") for name in key]
    return _c.lib.san_vocabulary_create, ((ctypes.c_char_p * len(names))(*names), len(names))


def _template_list(templates: Any) -> list[bytes]:
    if templates is None:
        return []
    if isinstance(templates, (str, os.PathLike)):
        templates = prompt_templates(templates)
    return [_c.text(template, "templates") for template in templates]
