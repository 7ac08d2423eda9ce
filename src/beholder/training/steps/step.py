"""One compiled training step and one compiled look, on the backend that Keras runs on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from beholder.training.steps.processes import Group

Look = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
LOOK_PIXELS = 500 * 32 * 32  # of the images that one look is given, so that it takes little memory


class Step(Protocol):
    """Trains a network on one batch at a time."""

    def __call__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], learning_rate: float, seed: int
    ) -> tuple[float, int]:
        """Train on `images` (B, H, W, C) and `labels` (B,); returns the summed loss and how many were right.

        A process in a group brings the images of its share, and the labels of the whole batch.
        """

    def sync(self) -> None:
        """Bring the variables of model and optimizer up to date, before anything but this step reads or sets them."""


def compile_step(
    model: Any,
    optimizer: Any,
    *,
    label_smoothing: float,
    class_weights: NDArray[np.float32] | None = None,
    group: Group | None = None,
) -> Step:
    """What trains `model` on one batch.

    It is compiled once for each batch size. Layers that draw random numbers are seeded anew from `seed` at each step,
    so that a step depends on nothing before it but the weights. `class_weights` (K,) multiply the loss of an image by
    its class. The step of a `group` is one of all its processes.
    """
    classes = model.output.shape[-1]

    def objective(logits: Any, labels: Any) -> tuple[Any, Any]:
        loss = smoothed_loss(logits, labels, classes, label_smoothing, class_weights)
        correct = ops.sum(ops.cast(ops.argmax(logits, axis=-1) == ops.cast(labels, "int32"), "int32"))
        return loss, correct

    return compile_objective(model, optimizer, objective, group)


def compile_objective(
    model: Any, optimizer: Any, objective: Callable[[Any, Any], tuple[Any, Any]], group: Group | None = None
) -> Step:
    """What trains `model` by `objective`, from its outputs and the labels to the mean loss and how many are right."""
    optimizer.build(model.trainable_variables)
    # Of the layers that draw random numbers (dropout), in the order of the layers.
    generators = [layer.seed_generator for layer in model.layers if hasattr(layer, "seed_generator")]
    if keras.config.backend() == "jax":
        from beholder.training.steps.jax_step import JaxStep

        return JaxStep(model, optimizer, objective, generators, group)
    from beholder.training.steps.tensorflow_step import TensorFlowStep

    return TensorFlowStep(model, optimizer, objective, generators)


def compile_look(model: Any) -> Look:
    """A function that gives the logits (B, K) float32 of a batch, without training."""
    if keras.config.backend() == "jax":
        from beholder.training.steps import jax_step

        return jax_step.compile_look(model)
    from beholder.training.steps import tensorflow_step

    return tensorflow_step.compile_look(model)


def smoothed_loss(
    logits: Any, labels: Any, classes: int, smoothing: float, class_weights: NDArray[np.float32] | None = None
) -> Any:
    """Mean cross-entropy of (B, K) float32 `logits` against `labels`, `smoothing` of each target spread evenly.

    Each image's is multiplied by the one of `class_weights` (K,) that is its class's.
    """
    targets = ops.one_hot(labels, classes) * (1.0 - smoothing) + smoothing / classes
    losses = keras.losses.categorical_crossentropy(targets, logits, from_logits=True)
    if class_weights is not None:
        losses = losses * ops.take(ops.convert_to_tensor(class_weights), labels)
    return ops.mean(losses)


def matrix_product_rate(dtype: str, size: int = 2048, repeats: int = 5) -> dict[str, float]:
    """GFLOP/s of a plain product of two square matrices: the ceiling of any training on this machine.

    The best of so many `repeats` counts. bfloat16 is measured only where the policy `dtype` would use it; an
    accelerator needs a larger `size` to be busy.
    """
    rates = {}
    for name in ["float32", *(["bfloat16"] if dtype == "mixed_bfloat16" else [])]:
        matrix = ops.ones((size, size), name)
        _product_seconds(matrix)
        best = min(_product_seconds(matrix) for _ in range(repeats))
        rates[name] = round(2 * size**3 / best / 1e9, 1)
    return rates


def _product_seconds(matrix: Any) -> float:
    started = time.perf_counter()
    float(ops.matmul(matrix, matrix)[0, 0])  # one number, to wait for all of them
    return time.perf_counter() - started
