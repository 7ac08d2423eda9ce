"""The network with every layer's output, for explanations; `predict` never opens it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from beholder.artifact.graph import Graph
from beholder.errors import ArtifactError

INSIDE_FILE, FILTERS_FILE, HEAD_FILE = "inside.onnx", "filters.npy", "head.npy"  # in the model folder
RUN_PIXELS = 64 * 32 * 32  # of the images in one run, at most: more fall out of the cache, and every layer is held


class Inside:
    """A loaded `inside.onnx`, and the weights that explanations show.

    Args:
        folder: the model folder.

    Attributes:
        layers: names of the outputs, one a layer.
        filters: (K, h, w, C) float32, the windows of the first convolution; None where there is none.
        head: (F, classes) float32, the weights from the features to the logits; None where there are none.

    Raises:
        ArtifactError: a file is missing or cannot be loaded.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / INSIDE_FILE
        if not path.is_file():
            raise ArtifactError(f"{str(folder)!r} has no {path.name}, so it can answer but not explain; train again.")
        self._graph = Graph(path)
        self.layers: tuple[str, ...] = tuple(output.name for output in self._graph.session.get_outputs())
        self.filters = read_weights(folder / FILTERS_FILE, 4)
        self.head = read_weights(folder / HEAD_FILE, 2)

    def __call__(
        self, images: NDArray[np.uint8], layers: Iterable[str] | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """What `layers` (all by default) make of `images`.

        Args:
            images: (N, H, W, C) uint8, a few: every layer's output is held in memory.
            layers: names out of `self.layers`.

        Returns:
            From layer name to its output, (N, …) float32: (N, H, W, channels) where it is spatial.
        """
        names = list(self.layers if layers is None else layers)
        return dict(zip(names, self._graph.run(names, images), strict=True))


def read_weights(path: Path, dimensions: int) -> NDArray[np.float32] | None:
    """The float32 array in the `.npy` file at `path`; None where there is none.

    Raises:
        ArtifactError: it is damaged, empty, or has another number of dimensions.
    """
    if not path.is_file():
        return None
    try:
        array: NDArray[np.float32] = np.load(path, allow_pickle=False).astype(np.float32, copy=False)
    except Exception as error:  # NumPy answers damage with nearly every exception there is
        raise ArtifactError(f"{str(path)!r} is damaged ({error}); copy the model again.") from error
    if array.ndim != dimensions or not array.size:
        raise ArtifactError(f"{str(path)!r} is damaged (its shape is {array.shape}); copy the model again.")
    return array
