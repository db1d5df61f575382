"""Models, and what segments with them."""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from typing import (TYPE_CHECKING, Any, Callable, Iterable, Iterator, NamedTuple, Optional, Sequence, TypedDict, TypeVar,
                    Union)

import numpy as np

from . import _bank, _c, _pictures, _vocabulary
from ._calls import Cancellation, Progress, run
from ._errors import Error
from ._features import Features
from ._result import Result
from ._vocabulary import Vocabulary

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Unpack

    from ._pictures import Picture
    from ._result import LabelArray
    from ._vocabulary import Classes

T = TypeVar("T")

_PREPROCESSING = {"evaluation": _c.EVALUATION, "demo": _c.DEMO}


class ModelInfo(NamedTuple):
    """What a model is."""

    name: str  #: as it was asked for
    description: str  #: one sentence: which network, whose weights
    license: str
    card: str  #: Markdown
    limits: str  #: what it cannot do, as its card says; "" where the card does not
    method: str
    backend: str
    device: str
    precision: str
    knows_background: bool  #: the option other=True is possible
    makes_masks: bool  #: Result.proposals() is
    random_weights: bool  #: labels mean nothing
    untrained_adapter: bool  #: masks mean nothing yet
    parameters: int  #: all of them, text tower included
    text_parameters: int
    short_side: int  #: pixels that a picture's short side is resized to
    long_side: int  #: pixels that its long side has at most then
    embedding: int  #: values per name
    context: int  #: tokens that a prompt may have
    templates: tuple[str, ...]  #: prompt templates
    takes_banks: bool  #: Model.with_bank() is possible
    #: (a, b): a label of a score is right with the probability a × score^b, which min_score bounds; None where that is
    #: not known and scores are taken for probabilities.
    curve: Optional[tuple[float, float]]
    text_precision: str


class Cost(NamedTuple):
    """What one picture costs."""

    height: int  #: of the network's input, padded, pixels
    width: int
    macs: int  #: multiply-adds of the image branch
    peak_activation_bytes: int  #: float32 values alive at once, weights not counted


class Options(TypedDict, total=False):
    """Keywords of Model.segment(), where they are described."""

    distractors: Union[str, Sequence[str]]
    other: bool
    label_scores: bool
    min_score: float
    refine: bool
    preprocessing: str
    short_side: int
    long_side: int
    augment: bool
    window: int
    tile: int
    tile_overlap: Optional[int]
    channels: str
    cancellation: Optional[Cancellation]


class ThreadBudget:
    """Threads that several models share: never more compute at a time. threads: 0 for one per processor."""

    def __init__(self, threads: int = 0) -> None:
        self._handle = _c.made(_c.lib.san_threads_create(_c.integer(threads, "threads")), _c.lib.san_threads_free)

    @property
    def threads(self) -> int:
        return int(_c.lib.san_threads_count(self._handle))

    def __repr__(self) -> str:
        return f"san.ThreadBudget({self.threads})"

    def __reduce__(self) -> Any:
        raise Error("a thread budget belongs to one process and cannot be pickled")


def explanation_page(explanation: str) -> str:
    """What Model.explain() returned, as one HTML page with everything inside."""
    return _c.data_of(_c.lib.san_explanation_page(_c.text(explanation, "explanation"))).decode("utf-8")


def backends() -> tuple[str, ...]:
    """What load(backend=…) takes."""
    return _c.names(_c.lib.san_backend_name)


def methods() -> tuple[str, ...]:
    """What load(method=…) takes."""
    return _c.names(_c.lib.san_method_name)


def load(model: Union[str, os.PathLike[str]] = "default", *, backend: str = "native", device: str = "cpu",
         precision: str = "model", method: Optional[str] = None, threads: Union[int, ThreadBudget] = 0,
         bpe_file: Union[str, os.PathLike[str], None] = None, formula_seed: Optional[str] = None,
         calibration: Union[str, os.PathLike[str], None] = None, text_precision: str = "fp32") -> Model:
    """Loads a model and prepares its weights.

    model: a model file (made by ``san convert`` or ``san train``), "default" (built in; knows drawn things), or
        "formula:vit-b-16", "formula:vit-l-14-336", "formula:tiny": real networks with random weights, for tests and
        timing.
    backend, device, precision: what computes; see backends().
    method: see methods(); None for the one the model file is made for.
    threads: that compute at a time, whoever calls; 0 for one per processor. A ThreadBudget is shared with others.
    bpe_file: tokenizer merges that replace the model's own.
    formula_seed: of "formula:…".
    calibration: how often labels of a score are right: a file that ``san evaluate --calibrate`` wrote for this network,
        or "none"; None for the built-in model's own, none for others.
    text_precision: what words are computed in, once for a vocabulary: "fp32"; "int8" or, where the processor multiplies
        it, "bf16"; "auto": "int8" where that is faster.

    Raises san.Error naming the file and everything in it that does not fit.
    """
    options = _c.ModelOptions(backend=_c.text(backend, "backend"), device=_c.text(device, "device"),
                              precision=_c.text(precision, "precision"),
                              text_precision=_c.text(text_precision, "text_precision"))
    if method is not None:
        options.method = _c.text(method, "method")
    if isinstance(threads, ThreadBudget):
        options.budget = threads._handle._as_parameter_
    else:
        options.threads = _c.integer(threads, "threads")
    if bpe_file is not None:
        options.bpe_file = _c.file_name(bpe_file, "bpe_file")
    if formula_seed is not None:
        options.formula_seed = _c.text(formula_seed, "formula_seed")
    if calibration is not None:
        options.calibration = _c.file_name(calibration, "calibration")
    name = _c.file_name(model, "model")
    handle = run(lambda stop: _c.made(_c.lib.san_model_load(name, ctypes.byref(options)), _c.lib.san_model_free))
    keywords = {"backend": backend, "device": device, "precision": precision, "method": method, "threads": threads,
                "bpe_file": bpe_file, "formula_seed": formula_seed, "calibration": calibration,
                "text_precision": text_precision}
    return Model(handle, (model, keywords))


def _load_again(model: Any, keywords: dict[str, Any]) -> Model:
    return load(model, **keywords)


class Model:
    """A network with its weights, from load(). For any number of threads.

    Pickling it loads it anew where it is unpickled, so that worker processes started by "spawn" may be given one.
    A forked process must load its own.
    """

    def __init__(self, handle: _c.Handle, loaded: tuple[Any, dict[str, Any]]) -> None:
        self._handle = handle
        self._loaded = loaded
        self._idle: list[Segmenter] = []
        self._vocabularies = _vocabulary.Recent(handle)
        #: What it is.
        self.info: ModelInfo = _info(handle)

    def cost(self, height: int, width: int) -> Cost:
        """What a picture of that many pixels costs, resized as by default."""
        cost = _c.Cost()
        _c.check(_c.lib.san_model_get_cost(self._handle, _c.integer(height, "height"), _c.integer(width, "width"),
                                           ctypes.byref(cost)))
        return Cost(cost.height, cost.width, cost.macs, cost.peak_activation_bytes)

    def vocabulary(self, classes: Optional[Classes] = None, *, label_set: Optional[str] = None,
                   templates: Union[str, os.PathLike[str], Sequence[str], None] = None,
                   cache: Union[bool, str, os.PathLike[str]] = True, distractors: Union[str, Sequence[str]] = "auto",
                   synonyms: Optional[str] = None, cancellation: Optional[Cancellation] = None,
                   progress: Optional[Callable[[int, int], object]] = None) -> Vocabulary:
        """Embeds class names.

        classes: ["cat", "sofa|couch"]; "cat, sofa|couch"; or a pathlib.Path of a file with one class a line.
            "sofa|couch" is one class with two names. Or:
        label_set: a built-in list, see label_sets().
        templates: prompts, each with one {}: a list, the name of a set ("vild", "imagenet", "single") or a file.
            None for the model's own.
        cache: whether embeddings are kept on disk; a path names the folder, else $SAN_CACHE_DIR, $XDG_CACHE_HOME/san
            or ~/.cache/san.
        distractors: further names that are looked for too, but what they win gets the label len(classes), "other", so
            that few classes need not take the whole picture. "auto": those of Model.distractors() for fewer than 20
            classes, none for more or of random weights, as ``san segment`` does; "none" or () for none.
        synonyms: a label set, or "demo-world", whose list of other names classes are asked for by too.
        progress: called with prompts done and to do, maybe in another thread.
        """
        self._handle.check_process()
        return _vocabulary.make(self._handle, classes, label_set, templates, cache, cancellation, progress, distractors,
                                synonyms)

    def distractors(self, classes: Sequence[str]) -> tuple[str, ...]:
        """Names for vocabulary(distractors=…): of things that a picture may show beside these classes, none of them a
        name or a kind of a class, or as near to one as a synonym."""
        self._handle.check_process()
        names = [_c.text(name, "classes") for name in _vocabulary.key_of(list(classes))]
        array = (ctypes.c_char_p * len(names))(*names)
        data = _c.data_of(_c.lib.san_distractors(self._handle, array, len(names), None))
        return tuple(data.decode("utf-8", "replace").splitlines())

    def with_bank(self, words: Vocabulary, bank: _bank.Bank, weight: Optional[float] = None) -> Vocabulary:
        """The same words, of which the bank knows examples too; classes find theirs by name. weight: of examples beside
        words; None for the bank's own, and less for pictures unlike the bank's where it can tell them. Raises san.Error on a bank of another network."""
        return Vocabulary(_c.made(_c.lib.san_vocabulary_with_bank(
            self._handle, words._handle, bank._handle, -1.0 if weight is None else float(weight)),
            _c.lib.san_vocabulary_free))

    def bank_builder(self, classes: Union[Classes, Vocabulary], bank: Optional[_bank.Bank] = None) -> _bank.BankBuilder:
        """Makes a bank of these classes, picture by picture; a Vocabulary must have no distractors. Goes on with `bank`,
        whose classes are all among these."""
        self._handle.check_process()
        words = classes if isinstance(classes, Vocabulary) else self._vocabularies.of(classes, None, "none")
        return _bank.BankBuilder(self._handle, words, bank)

    def load_vocabulary(self, path: Union[str, os.PathLike[str]]) -> Vocabulary:
        """What Vocabulary.save() wrote. Raises san.Error on a damaged file and on one of another text tower."""
        return Vocabulary(_c.made(_c.lib.san_vocabulary_load(self._handle, _c.file_name(path)),
                                  _c.lib.san_vocabulary_free))

    def segmenter(self) -> Segmenter:
        """A workspace of one's own. segment() and its like have theirs already, one for each thread that calls."""
        self._handle.check_process()
        return Segmenter(self._handle, self._vocabularies)

    def segment(self, image: Union[Picture, Features], classes: Union[Classes, Vocabulary], *,
                distractors: Union[str, Sequence[str]] = "auto", other: bool = False, label_scores: bool = False,
                min_score: float = 0.0, refine: bool = False, preprocessing: str = "evaluation", short_side: int = 0,
                long_side: int = 0, augment: bool = False, window: int = 0, tile: int = 0,
                tile_overlap: Optional[int] = None, channels: str = "rgb",
                cancellation: Optional[Cancellation] = None) -> Result:
        """Gives every pixel of a picture one of the classes.

        image: [height, width] or [height, width, 1, 3 or 4] uint8 (grey, RGB, RGBA; alpha is ignored), strided views
            included, of which the library makes the only copy; a Pillow image; the path or the bytes of a file, or
            what they are read from; what look() returned.
        classes: a Vocabulary, or what vocabulary() takes; the last few are remembered.
        distractors: as for vocabulary(); a Vocabulary has its own.
        other: pixels that the learned background wins get the label len(classes), "other".
        label_scores: also keep the score of each pixel's label.
        refine: edges between labels follow those of the picture; features must have been looked at with it.
        min_score: pixels whose label is right with less than this probability get the label len(classes) too (of
                models without a calibration, which is all but the built-in one: whose score is below it).
        preprocessing: "evaluation" (as benchmarks do) or "demo" (as the authors' demo does).
        short_side: of the network's input, pixels; 0 for the model's own. long_side: limit on the other side.
        augment: see the picture at six sizes, 0.5 to 1.75 times short_side, each also mirrored, and
            average the class maps.
        window: side of square windows, pixels of the picture, overlapping by a third, averaged evenly; 0 for none.
        tile: instead, side of square tiles that fade into each other, for pictures with more detail than the network's
            input holds; 0 for none. tile_overlap: by how many pixels at least; None for a quarter of the side.
            Result.scores() and proposals() are not to be had of tiles.
        channels: "rgb", or "bgr" for arrays as OpenCV makes them (with four channels BGRA).
        cancellation: ends the call from another thread. Ctrl-C does in any case.

        Raises san.Error, and san.Cancelled.
        """
        options: Options = {"other": other, "label_scores": label_scores, "min_score": min_score, "refine": refine,
                            "preprocessing": preprocessing, "short_side": short_side, "long_side": long_side,
                            "augment": augment, "window": window, "tile": tile, "tile_overlap": tile_overlap,
                            "channels": channels, "cancellation": cancellation}
        words = self._vocabularies.of(classes, cancellation, distractors)
        return self._with_segmenter(lambda segmenter: segmenter.segment(image, words, **options))

    def segment_batch(self, images: Iterable[Picture], classes: Union[Classes, Vocabulary], *,
                      progress: Optional[Callable[[int, int], object]] = None,
                      **options: Unpack[Options]) -> list[Result]:
        """One Result for each picture, or an error for all of them. progress: called with pictures done and to do,
        maybe in another thread. The other keywords are those of segment()."""
        words = self._vocabularies.of(classes, options.get("cancellation"), options.pop("distractors", "auto"))
        return self._with_segmenter(lambda segmenter: segmenter.segment_batch(images, words, progress=progress,
                                                                              **options))

    def segment_frames(self, frames: Iterable[Picture], classes: Union[Classes, Vocabulary],
                       **options: Unpack[Options]) -> Iterator[Result]:
        """Yields a Result for each frame, taking one when it is asked for one, with one workspace for all. Keywords
        are those of segment()."""
        words = self._vocabularies.of(classes, options.get("cancellation"), options.pop("distractors", "auto"))
        segmenter, pictures = self.segmenter(), _pictures.several(frames)
        return (segmenter.segment(frame, words, **options) for frame in pictures)

    def look(self, image: Picture, **options: Unpack[Options]) -> Features:
        """Nearly all of segment()'s work, which does not depend on the words. Keywords are those of segment()."""
        return self._with_segmenter(lambda segmenter: segmenter.look(image, **options))

    def explain(self, image: Picture, classes: Union[Classes, Vocabulary], *, image_name: str = "",
                **options: Unpack[Options]) -> str:
        """How the picture becomes labels, stage by stage: JSON for explanation_page(). image_name: to stand in it. The
        other keywords are those of segment(). Raises san.Error for methods other than "san"."""
        words = self._vocabularies.of(classes, options.get("cancellation"), options.pop("distractors", "auto"))
        return self._with_segmenter(lambda segmenter: segmenter.explain(
            image, words, image_name=image_name, model_name=self.info.name, **options))

    def _with_segmenter(self, use: Callable[[Segmenter], T]) -> T:
        """use(segmenter), of those that no thread is using; as many are kept as were used at once."""
        try:
            segmenter = self._idle.pop()
        except IndexError:
            segmenter = self.segmenter()
        try:
            return use(segmenter)
        finally:
            self._idle.append(segmenter)

    def __repr__(self) -> str:
        return f"<san.Model {self.info.name}: {self.info.description}>"

    def __reduce__(self) -> Any:
        if isinstance(self._loaded[1]["threads"], ThreadBudget):
            raise Error("a model with a thread budget cannot be pickled; give it a number of threads")
        return _load_again, self._loaded


class Segmenter:
    """A workspace for segmenting, sharing its model's weights and threads. Threads that use one take turns."""

    def __init__(self, model: _c.Handle, vocabularies: _vocabulary.Recent) -> None:
        # Not the Model, which keeps segmenters: both would wait for the garbage collector then.
        self._vocabularies = vocabularies
        self._handle = _c.made(_c.lib.san_segmenter_create(model), _c.lib.san_segmenter_free)
        self._lock = threading.Lock()

    def segment(self, image: Union[Picture, Features], classes: Union[Classes, Vocabulary],
                **options: Unpack[Options]) -> Result:
        """As Model.segment()."""
        call = _Call(**options)
        words = self._vocabularies.of(classes, call.cancellation, call.distractors)
        if isinstance(image, Features):
            features = image._handle
            handle = self._run(call, lambda o: _c.made(
                _c.lib.san_segment_features(self._handle, features, words._handle, o), _c.lib.san_result_free))
        else:
            pixels, kept = _pictures.pixels_of(image, call.channels)
            handle = self._run(call, lambda o: _c.made(
                _c.lib.san_segment(self._handle, words._handle, ctypes.byref(pixels), o), _c.lib.san_result_free))
        return Result(handle, words.classes, call.may_be_other(words))

    def labels(self, image: Picture, classes: Union[Classes, Vocabulary],
               out: Optional[LabelArray] = None, **options: Unpack[Options]) -> LabelArray:
        """Labels alone, [height, width], into `out` if it is given: for frames, with no new memory for each. uint16, or
        uint32, which lists of more than 65,535 classes need. Keywords are those of Model.segment()."""
        call = _Call(**options)
        words = self._vocabularies.of(classes, call.cancellation, call.distractors)
        pixels, kept = _pictures.pixels_of(image, call.channels)
        shape = (pixels.height, pixels.width)
        types = (np.uint16, np.uint32) if len(words.classes) <= 65535 else (np.uint32,)
        labels = np.empty(shape, types[0]) if out is None else out
        if not isinstance(labels, np.ndarray) or labels.dtype not in types or labels.shape != shape or not (
                labels.flags.c_contiguous and labels.flags.writeable and labels.flags.aligned):
            raise Error(f"out: expected a writeable, contiguous array of {' or '.join(t.__name__ for t in types)} of shape "
                        f"{shape}, got {getattr(labels, 'dtype', type(labels).__name__)} of shape "
                        f"{getattr(labels, 'shape', None)}")
        segment = _c.lib.san_segment_labels if labels.dtype == np.uint16 else _c.lib.san_segment_labels32
        self._run(call, lambda o: _c.check(segment(
            self._handle, words._handle, ctypes.byref(pixels), o, labels.ctypes.data, labels.size)))
        return labels

    def segment_batch(self, images: Iterable[Picture], classes: Union[Classes, Vocabulary], *,
                      progress: Optional[Callable[[int, int], object]] = None,
                      **options: Unpack[Options]) -> list[Result]:
        """As Model.segment_batch()."""
        call = _Call(**options)
        words = self._vocabularies.of(classes, call.cancellation, call.distractors)
        pictures = [_pictures.pixels_of(image, call.channels) for image in _pictures.several(images)]
        count = len(pictures)
        pointers = (ctypes.POINTER(_c.Pixels) * count)(*[ctypes.pointer(pixels) for pixels, _ in pictures])

        def body(options: Any) -> list[_c.Handle]:
            results = (ctypes.c_void_p * count)()
            _c.check(_c.lib.san_segment_batch(self._handle, words._handle, pointers, count, options, results))
            return [_c.made(pointer, _c.lib.san_result_free) for pointer in results]

        return [Result(handle, words.classes, call.may_be_other(words)) for handle in self._run(call, body, progress)]

    def look(self, image: Picture, **options: Unpack[Options]) -> Features:
        """As Model.look()."""
        call = _Call(**options)
        pixels, kept = _pictures.pixels_of(image, call.channels)
        handle = self._run(call, lambda o: _c.made(_c.lib.san_look(self._handle, ctypes.byref(pixels), o),
                                                   _c.lib.san_features_free))
        return Features(handle, (pixels.height, pixels.width))

    def explain(self, image: Picture, classes: Union[Classes, Vocabulary], *, image_name: str = "", model_name: str = "",
                **options: Unpack[Options]) -> str:
        """As Model.explain()."""
        call = _Call(**options)
        words = self._vocabularies.of(classes, call.cancellation, call.distractors)
        pixels, kept = _pictures.pixels_of(image, call.channels)
        names = _c.JsonOptions(image=_c.text(image_name, "image_name"), model=_c.text(model_name, "model_name"))
        return self._run(call, lambda o: _c.data_of(_c.lib.san_explain(
            self._handle, words._handle, ctypes.byref(pixels), o, ctypes.byref(names)))).decode("utf-8")

    def warm_up(self, height: int, width: int, **options: Unpack[Options]) -> None:
        """The first picture of that many pixels then takes no longer than those after it."""
        sides = _c.integer(height, "height"), _c.integer(width, "width")
        self._run(_Call(**options), lambda o: _c.check(_c.lib.san_segmenter_warm_up(self._handle, *sides, o)))

    def _run(self, call: _Call, function: Callable[[Any], T],
             progress: Optional[Callable[[int, int], object]] = None) -> T:
        """function(the options for the library)."""
        self._handle.check_process()

        def body(stop: _c.Handle) -> T:
            with Progress(progress, stop) as told:
                return function(ctypes.byref(call.options(stop, told)))

        with self._lock:
            return run(body, call.cancellation)


class _Call:
    """The keywords of one call, checked."""

    def __init__(self, *, distractors: Union[str, Sequence[str]] = "auto", other: bool = False,
                 label_scores: bool = False, min_score: float = 0.0, refine: bool = False,
                 preprocessing: str = "evaluation", short_side: int = 0, long_side: int = 0, augment: bool = False,
                 window: int = 0, tile: int = 0, tile_overlap: Optional[int] = None, channels: str = "rgb",
                 cancellation: Optional[Cancellation] = None) -> None:
        if preprocessing not in _PREPROCESSING:
            raise Error(f"preprocessing is {preprocessing!r}; expected {' or '.join(map(repr, _PREPROCESSING))}")
        if cancellation is not None and not isinstance(cancellation, Cancellation):
            raise Error(f"cancellation: expected a san.Cancellation, got {type(cancellation).__name__}")
        self.distractors = distractors
        self.channels = channels
        self.cancellation = cancellation
        self._fields = {"other": bool(other), "label_scores": bool(label_scores), "min_score": float(min_score),
                        "refine": bool(refine), "preprocessing": _PREPROCESSING[preprocessing],
                        "short_side": _c.integer(short_side, "short_side"),
                        "long_side": _c.integer(long_side, "long_side"),
                        "augment": bool(augment), "window": _c.integer(window, "window"),
                        "tile": _c.integer(tile, "tile"),
                        # The library's zero is its default; no overlap at all is its -1.
                        "tile_overlap": 0 if tile_overlap is None else _c.integer(tile_overlap, "tile_overlap") or -1}

    def may_be_other(self, words: Vocabulary) -> bool:
        """Whether pixels may be none of the classes."""
        return bool(self._fields["other"] or words.distractors or self._fields["min_score"] > 0)

    def options(self, stop: _c.Handle, told: Progress) -> _c.SegmentOptions:
        return _c.SegmentOptions(cancellation=stop._as_parameter_, progress=told.function, **self._fields)


def _info(model: _c.Handle) -> ModelInfo:
    facts = _c.ModelFacts()
    _c.check(_c.lib.san_model_get_facts(model, ctypes.byref(facts)))
    values: dict[str, Any] = {"templates": _c.names(functools.partial(_c.lib.san_model_template, model)),
                              "curve": (facts.curve_a, facts.curve_b) if facts.knows_curve else None}
    for field in ModelInfo._fields:
        if field not in values:
            value = getattr(facts, field)
            values[field] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    for field in ("knows_background", "makes_masks", "random_weights", "untrained_adapter", "takes_banks"):
        values[field] = bool(values[field])
    return ModelInfo(**values)
