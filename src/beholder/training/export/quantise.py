"""The int8 model of a network: the same graph with 8-bit products, calibrated on training images.

Activations become uint8 with one scale a tensor, weights int8 with one scale a channel (Jacob et al., Quantization and
training of neural networks for efficient integer-arithmetic-only inference, 2018); ONNX Runtime's quantiser does it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from beholder.artifact.graph import Graph

_MOST_IMAGES, _LEAST_IMAGES = 200, 20  # to calibrate with; more change nothing (docs/lab-notebook.md)
_MULTIPLY_ADDS = 5 * 10**9  # of all of them together
FEWEST_INPUTS = 8  # channels; a convolution of fewer, of the pixels say, takes little time and suffers most
_BATCH = 20
_PRODUCTS = ("Conv", "Gemm", "MatMul")


def calibration_images(multiply_adds: int) -> int:
    """How many training images calibrate a network of so many `multiply_adds` an image."""
    return min(_MOST_IMAGES, max(_LEAST_IMAGES, _MULTIPLY_ADDS // max(multiply_adds, 1)))


def quantise(source: Path, target: Path, images: NDArray[np.uint8]) -> bool:
    """Write the int8 model of the graph at `source` to `target`.

    The convolution that sees the pixels and the product that gives the logits stay float32.

    Args:
        source: the float32 graph; uint8 `images` in.
        target: where the int8 model goes; it has the same inputs and outputs.
        images: (N, H, W, C) uint8 training images; the activations that they cause set the scales.

    Returns:
        Whether there is one: a network with nothing to gain between its first and last product has none, nor one
        that the quantiser does not understand.
    """
    try:
        return _quantise(source, target, images)
    except OSError:
        raise
    except Exception:  # noqa: BLE001  whatever a person's own network does to the quantiser, its training is not lost
        target.unlink(missing_ok=True)
        return False


def _quantise(source: Path, target: Path, images: NDArray[np.uint8]) -> bool:
    with tempfile.TemporaryDirectory() as scratch:
        prepared = Path(scratch) / "prepared.onnx"
        # Symbolic shapes would need one more package, and add nothing.
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        products = [node for node in graph.node if node.op_type in _PRODUCTS]
        gaining = _gaining(graph, products)
        if not gaining:
            return False
        quantize_static(
            prepared,
            target,
            _Calibration(images),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=[*_PRODUCTS, "Relu", "Clip", "MaxPool"],
            nodes_to_exclude=[node.name for node in products if node.name not in gaining],
        )
    Graph(target)(images[:1])  # some int8 models cannot be run
    return True


def _gaining(graph: Any, products: list[Any]) -> set[str]:
    """Names of the `products` with fixed weights that gain from int8: all but those of few inputs, and the last.

    What comes before the first convolution only brings images to another size, by whose pixels that one goes.
    """
    first = next((index for index, node in enumerate(products) if node.op_type == "Conv"), 0)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    fixed = [node for node in products[first:] if node.input[1] in shapes]
    return {
        node.name
        for node in fixed[:-1]
        if node.op_type != "Conv" or _group(node) > 1 or shapes[node.input[1]][1] >= FEWEST_INPUTS
    }


def _group(convolution: Any) -> int:
    return next((int(attribute.i) for attribute in convolution.attribute if attribute.name == "group"), 1)


class _Calibration(CalibrationDataReader):
    """Gives `images` to the quantiser, batch after batch."""

    def __init__(self, images: NDArray[np.uint8]) -> None:
        starts = range(0, len(images), _BATCH)
        self._batches: Iterator[NDArray[np.uint8]] = iter([images[start : start + _BATCH] for start in starts])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch, under the name of the graph's input; None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch}
