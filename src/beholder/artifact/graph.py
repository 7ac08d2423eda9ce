"""The network as ONNX Runtime runs it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beholder.errors import ArtifactError

BATCH_SIZE = 256  # pictures that an answer is asked for at a time
_RUN_SIZE = 64  # pictures in one run of a graph: more fall out of the cache
_SMALL_RUN_SIZE = 16  # the same, of a graph whose runs go side by side


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
        side_by_side: give each run one core and let several go at once. ONNX Runtime's int8 convolutions take a batch
            picture by picture, which is too little work to share.

    Raises:
        ArtifactError: ONNX Runtime refuses the file.
    """

    outputs = ("probabilities", "logits", "features")

    def __init__(self, path: Path, *, side_by_side: bool = False) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._cores = _cores() if side_by_side else 1
        if side_by_side:
            options.intra_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ArtifactError(f"{str(path)!r} cannot be loaded ({error}); train again.") from error
        self.input_name = self.session.get_inputs()[0].name

    def __call__(self, pictures: NDArray[np.uint8]) -> Answers:
        """Answer `pictures` (N, H, W, C) uint8, N ≥ 1; batches change no answer by more than float32 rounds."""
        size = _RUN_SIZE if self._cores == 1 else _SMALL_RUN_SIZE
        batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
        if self._cores == 1 or len(batches) == 1:
            answers = [self._run(batch) for batch in batches]
        else:
            with ThreadPoolExecutor(self._cores) as pool:
                answers = list(pool.map(self._run, batches))
        return Answers(*(np.concatenate(column) for column in zip(*answers, strict=True)))

    def _run(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        results: list[NDArray[np.float32]] = self.session.run(
            list(self.outputs), {self.input_name: np.ascontiguousarray(batch)}
        )
        return results


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
