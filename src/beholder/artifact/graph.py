"""The network as ONNX Runtime runs it."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from beholder.cores import usable_cores
from beholder.errors import ArtifactError

MODEL_FILE = "model.onnx"  # in the model folder
BATCH_SIZE = 256  # images that an answer is asked for at a time
_RUN_SIZE = 64  # images in one run of a graph: more fall out of the cache
_SMALL_RUN_SIZE = 16  # the same, of a graph whose runs go side by side
# That graphs may compute in, weights not counted: a file of a hundred bytes can ask for more than any machine has.
_MOST_BYTES = 3 << 28
_MEMORY = "Available memory of"  # what ONNX Runtime says then


@dataclass(frozen=True)
class Answers:
    """What the network says of N images.

    Attributes:
        probabilities: (N, K) float32, each row sums to 1.
        logits: (N, K) float32, before the temperature.
        features: (N, F) float32, what the last layer sees of the plain view.
    """

    probabilities: NDArray[np.float32]
    logits: NDArray[np.float32]
    features: NDArray[np.float32]


class Graph:
    """A loaded `model.onnx`: uint8 images in, probabilities, logits and features out.

    Args:
        path: the file.
        side_by_side: give each run one core and let several go at once. ONNX Runtime's int8 convolutions take a batch
            image by image, which is too little work to share.
        threads: how many this graph may use; all cores by default.

    Attributes:
        features: how many it gives of an image; None where the file does not tell.

    Raises:
        ArtifactError: ONNX Runtime refuses the file.
    """

    outputs = ("probabilities", "logits", "features")

    def __init__(self, path: Path, *, side_by_side: bool = False, threads: int | None = None) -> None:
        self.path = path
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        _bound_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        self._cores = (threads or usable_cores()) if side_by_side else 1
        options.intra_op_num_threads = 1 if side_by_side else threads or 0  # 0: as many as there are cores
        try:
            self.session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
            inputs = self.session.get_inputs()
            shapes = {output.name: output.shape for output in self.session.get_outputs()}  # a name may be no text
        except Exception as error:
            raise ArtifactError(f"{str(path)!r} cannot be loaded ({_first_line(error)}); train again.") from error
        if len(inputs) != 1 or inputs[0].type != "tensor(uint8)" or len(inputs[0].shape) != 4:
            raise ArtifactError(f"{str(path)!r} does not take pixels (N, H, W, C) of uint8; train again.")
        self.input_name = inputs[0].name
        width = (shapes.get("features") or [None])[-1]
        self.features = width if isinstance(width, int) else None

    def __call__(self, images: NDArray[np.uint8]) -> Answers:
        """Answer `images` (N, H, W, C) uint8, N ≥ 1; batches change no answer by more than float32 rounds."""
        size = _RUN_SIZE if self._cores == 1 else _SMALL_RUN_SIZE
        batches = [images[start : start + size] for start in range(0, len(images), size)]
        if self._cores == 1 or len(batches) == 1:
            answers = [self._run(batch) for batch in batches]
        else:
            with ThreadPoolExecutor(self._cores) as pool:
                answers = list(pool.map(self._run, batches))
        return Answers(*(np.concatenate(column) for column in zip(*answers, strict=True)))

    def run(self, outputs: list[str], batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The `outputs` for one `batch` (N, H, W, C) uint8; by halves where it is too large for the memory.

        Raises:
            ArtifactError: the graph has no such outputs, does not take such images, or needs too much memory.
        """
        try:
            results: list[NDArray[np.float32]] = self.session.run(
                outputs, {self.input_name: np.ascontiguousarray(batch)}
            )
        except Exception as error:
            if len(batch) > 1 and _MEMORY in str(error):
                half = len(batch) // 2
                columns = zip(self.run(outputs, batch[:half]), self.run(outputs, batch[half:]), strict=True)
                return [np.concatenate(column) for column in columns]
            shape, reason = batch.shape[1:], _first_line(error)
            raise ArtifactError(
                f"{str(self.path)!r} cannot answer pixels of shape {shape} ({reason}); train again."
            ) from error
        return results

    def _run(self, batch: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        return self.run(list(self.outputs), batch)


@functools.cache
def _bound_memory() -> None:
    """Give all graphs of this process one memory to compute in, which refuses to grow beyond `_MOST_BYTES`."""
    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg({"max_mem": _MOST_BYTES}))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")
