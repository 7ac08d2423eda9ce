"""Beholder: train an image classifier in the minutes you have, and see what it sees.

Every public name is listed in `__all__`; each is imported only when it is used, so that `import beholder` is instant.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
from typing import Any

# ONNX Runtime looks up a host and writes into the home folder as soon as it is imported, by us or by anybody after us,
# in this process or in one that it starts. Nothing leaves the machine, so this holds whatever was set before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = importlib.metadata.version("beholder")

_ROOMS = {
    "BeholderError": "errors",
    "Classifier": "answering.classifier",
    "Dataset": "data.dataset",
    "Parts": "data.split",
    "Prediction": "answering.prediction",
    "audit": "verbs.audit",
    "clean": "data.clean",
    "compare": "verbs.compare",
    "evaluate": "verbs.evaluate",
    "explain": "verbs.explain",
    "look": "verbs.look",
    "open_source": "data.opening",
    "parameters": "verbs.parameters",
    "predict": "verbs.predict",
    "predict_in_bulk": "verbs.predict",
    "read_data": "data.archive",
    "resume": "verbs.resume",
    "serve": "server.run",
    "train": "verbs.train",
    "unpickle": "data.pickles",
    "watch": "server.watching",
}

__all__ = sorted(["__version__", *_ROOMS])  # noqa: PLE0605 - a list of strings all the same


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'beholder' has no attribute {name!r}")
    return getattr(importlib.import_module(f"beholder.{_ROOMS[name]}"), name)
