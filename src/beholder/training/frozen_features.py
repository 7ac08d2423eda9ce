"""What a network that learned from other images makes of these, computed once by ONNX Runtime on all cores.

The features are kept in the cache, by all that they depend on: the weights, the images and the size they are seen at.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.artifact.inside import RUN_PIXELS
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.remembered import key_of
from beholder.data.stored_arrays import read_arrays, write_arrays
from beholder.errors import StorageError
from beholder.models.entrance import seen_size
from beholder.training.export.graphs import features_graph
from beholder.training.export.onnx_layers import knows

Features = NDArray[np.float32]
Tell = Callable[[int], bool]  # hears how many more images are done; whether to stop there

_MOST_BYTES = 1 << 33


class FrozenFeatures:
    """The features that a network has for images, from the cache where they are there.

    Args:
        model: the network; its layers are all ones that we write as ONNX, see `can_be_seen`.
        weights: what tells its weights from others, the SHA-256 of their file, say.
        cache: the folder; None: nothing is kept.
        tell: hears how far it is.
    """

    def __init__(self, model: Any, weights: str, cache: Path | None, tell: Tell) -> None:
        self._model, self._cache, self._tell = model, cache, tell
        self._facts = [weights, list(model.input.shape[1:]), *_layers(model)]

    def __call__(self, dataset: Dataset) -> Features | None:
        """(N, F) float32 of N images; None where it was told to stop."""
        path = self._path(dataset)
        if path is None:
            return self._computed(dataset)
        with suppress(OSError, ValueError):
            kept = read_arrays(path, most_bytes=_MOST_BYTES, names=("features",))["features"]
            if kept.shape[:1] == (len(dataset),) and kept.dtype == np.float32 and kept.ndim == 2:
                return kept
        features = self._computed(dataset)
        if features is not None:
            with suppress(StorageError):  # they are computed again next time
                write_arrays(path, {"features": features})
        return features

    def kept(self, dataset: Dataset) -> bool:
        """Whether the features of `dataset` seem to be in the cache."""
        path = self._path(dataset)
        return path is not None and path.exists()

    def _path(self, dataset: Dataset) -> Path | None:
        if self._cache is None:
            return None
        digest = hashlib.sha256(b"".join(dataset.contents)).hexdigest()
        return self._cache / "features" / f"{key_of([*self._facts, digest])[:32]}.npz"

    @cached_property
    def _graph(self) -> Graph:
        return features_graph(None, self._model)

    def _computed(self, dataset: Dataset) -> Features | None:
        parts = []
        for rows in chunks(len(dataset), seen_size(self._model), RUN_PIXELS):
            [features] = self._graph.run(["features"], dataset.images[rows])
            parts.append(features)
            if self._tell(len(features)):
                return None
        return np.concatenate(parts)


def _layers(model: Any) -> list[str]:
    """What each layer of `model` up to its features does, the size that images are brought to among it."""
    last = [layer.name for layer in model.layers].index("features")
    layers = model.layers[: last + 1]
    return [json.dumps([type(layer).__name__, layer.get_config()], sort_keys=True, default=str) for layer in layers]


def can_be_seen(model: Any) -> bool:
    """Whether all layers of `model` are ones that we write as ONNX, and its last one is a head of our own."""
    return knows(model) and getattr(model.get_layer("logits"), "kernel", None) is not None
