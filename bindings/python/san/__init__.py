"""Open-vocabulary semantic segmentation: a picture and any list of class names in, a class for every pixel out.

>>> import san
>>> model = san.load("default")
>>> result = model.segment("picture.png", ["cat", "sofa|couch"])
>>> result.labels                       # [height, width] integers, index of each pixel's class
>>> result.overlay("picture.png")       # [height, width + legend, 3] uint8

Everything that goes wrong raises san.Error. A model may be used by any number of threads; calls let go of the GIL.
"""

from ._c import lib as _lib
from ._bank import Bank, BankBuilder, load_bank
from ._calls import Cancellation
from ._errors import Cancelled, Error
from ._features import Features, Stream
from ._model import Cost, Model, ModelInfo, Segmenter, ThreadBudget, backends, explanation_page, load, methods
from ._pictures import distinct_colors, encode_jpeg, encode_png, load_image, save_file, save_image
from ._result import Polygon, Proposal, Result, Timing
from ._vocabulary import Vocabulary, label_set_palette, label_sets, prompt_templates

#: Version of the library that runs.
__version__: str = _lib.san_version().decode("ascii")

__all__ = [
    "Bank", "BankBuilder", "Cancellation", "Cancelled", "Cost", "Error", "Features", "Model", "ModelInfo", "Polygon", "Proposal",
    "Result", "Segmenter", "Stream", "ThreadBudget", "Timing", "Vocabulary", "backends", "distinct_colors", "encode_jpeg",
    "encode_png", "explanation_page", "label_set_palette", "label_sets", "load", "load_bank", "load_image", "methods", "prompt_templates",
    "save_file", "save_image",
]
