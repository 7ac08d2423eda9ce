"""The network as ONNX Runtime runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beholder.errors import ArtifactError

BATCH_SIZE = 256  # pictures a call: larger ones fall out of the cache


@dataclass(frozen=True)
class Answers:
    """What the network says of N pictures.

    Attributes:
        probabilities: (N, K) float32, each row sums to 1.
        logits: (N, K) float32, before the temperature.
        features: (N, F) float32, what the last layer sees of the plain view.
    """

    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Graph:
    """A loaded `model.onnx`: uint8 pictures in, probabilities, logits and features out.

    Args:
        path: the file.

    Raises:
        ArtifactError: ONNX Runtime refuses the file.
    """

    outputs = ("probabilities", "logits", "features")

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            self.session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ArtifactError(f"{str(path)!r} cannot be loaded ({error}); train again.") from error
        self.input_name = self.session.get_inputs()[0].name

    def __call__(self, pictures: NDArray[np.uint8]) -> Answers:
        """Answer `pictures` (N, H, W, C) uint8, N ≥ 1, in batches of 256."""
        batches = [self._run(pictures[start : start + BATCH_SIZE]) for start in range(0, len(pictures), BATCH_SIZE)]
        return Answers(*(np.concatenate(column) for column in zip(*batches, strict=True)))

    def _run(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        results: list[NDArray[np.float32]] = self.session.run(
            list(self.outputs), {self.input_name: np.ascontiguousarray(batch)}
        )
        return results
