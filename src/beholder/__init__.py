"""Beholder: train an image classifier in the minutes you have, and see what it sees.

Every public name is listed in `__all__` and by `dir`; each is imported only when it is used, so that `import beholder`
is instant.
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

_ERRORS = (
    "ArtifactError",
    "BeholderError",
    "BusyError",
    "ClusterError",
    "DataError",
    "DownloadError",
    "ImageError",
    "ReplacedError",
    "RunError",
    "SoundError",
    "StorageError",
    "UsageError",
)
_MODULES = {
    **dict.fromkeys(_ERRORS, "errors"),
    "Classifier": "answering.classifier",
    "Dataset": "data.dataset",
    "Prediction": "answering.prediction",
    "Split": "data.split",
    "audit": "api.audit",
    "compare": "api.compare",
    "evaluate": "api.evaluate",
    "explain": "api.explain",
    "look": "api.look",
    "open_source": "data.opening",
    "parameters": "api.parameters",
    "predict": "api.predict",
    "predict_in_bulk": "api.predict",
    "resume": "api.resume",
    "serve": "server.serving",
    "threshold": "api.threshold",
    "train": "api.train",
    "watch": "server.live.watching",
}

__all__ = sorted(["__version__", "chapter", *_MODULES])  # noqa: PLE0605 - a list of strings all the same


def __getattr__(name: str) -> Any:
    if name == "chapter":
        return importlib.import_module("beholder.chapter")
    if name not in _MODULES:
        raise AttributeError(f"module 'beholder' has no attribute {name!r}")
    return getattr(importlib.import_module(f"beholder.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
