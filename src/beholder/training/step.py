"""One compiled training step and one compiled look: the room with the backend's own calls."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

# (pictures uint8 (B, H, W, C), labels int64 (B,), learning rate, seed) -> (summed loss, correct answers)
Step = Callable[[NDArray[np.uint8], NDArray[np.int64], float, int], tuple[float, int]]
Look = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def compile_step(model: Any, optimizer: Any, *, label_smoothing: float) -> Step:
    """A function that trains `model` on one batch.

    The step is compiled once for each batch size, without XLA (slower here on a CPU, docs/lab-notebook.md). Layers
    that draw random numbers are seeded anew from `seed` at each step, so that a step depends on nothing before it but
    the weights.
    """
    classes = model.output.shape[-1]
    generators = seed_generators(model)

    @tf.function(reduce_retracing=True, jit_compile=False)
    def step(pictures: Any, labels: Any, learning_rate: Any, seed: Any) -> tuple[Any, Any]:
        optimizer.learning_rate.assign(learning_rate)
        for number, generator in enumerate(generators):
            generator.state.assign(ops.cast(ops.stack([seed, number]), generator.state.dtype))
        with tf.GradientTape() as tape:
            logits = model(pictures, training=True)
            loss = smoothed_loss(logits, labels, classes, label_smoothing)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        correct = ops.sum(ops.cast(ops.argmax(logits, axis=-1) == ops.cast(labels, "int32"), "int32"))
        return loss, correct

    optimizer.build(model.trainable_variables)

    def call(pictures: NDArray[np.uint8], labels: NDArray[np.int64], rate: float, seed: int) -> tuple[float, int]:
        loss, correct = step(
            tf.convert_to_tensor(pictures),
            tf.convert_to_tensor(labels),
            tf.constant(rate, tf.float32),
            tf.constant(seed),
        )
        return float(loss) * len(labels), int(correct)

    return call


def compile_look(model: Any) -> Look:
    """A function that gives the logits (B, K) float32 of a batch, without training."""

    @tf.function(reduce_retracing=True, jit_compile=False)
    def look(pictures: Any) -> Any:
        return model(pictures, training=False)

    def call(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = look(tf.convert_to_tensor(pictures)).numpy()
        return logits

    return call


def smoothed_loss(logits: Any, labels: Any, classes: int, smoothing: float) -> Any:
    """Mean cross-entropy of (B, K) float32 `logits` against `labels`, `smoothing` of each target spread evenly."""
    targets = ops.one_hot(labels, classes) * (1.0 - smoothing) + smoothing / classes
    return ops.mean(keras.losses.categorical_crossentropy(targets, logits, from_logits=True))


def seed_generators(model: Any) -> list[Any]:
    """The seed generators of the layers that draw random numbers (dropout), in the order of the layers."""
    return [layer.seed_generator for layer in model.layers if hasattr(layer, "seed_generator")]


def matrix_product_rate(dtype: str, size: int = 2048, repeats: int = 5) -> dict[str, float]:
    """GFLOP/s of a plain product of two square matrices: the ceiling of any training on this machine.

    Args:
        dtype: the Keras dtype policy to train with; bfloat16 is measured only where it would be used.
        size: of the matrices.
        repeats: the best of so many counts.
    """
    rates = {}
    for name in ["float32", *(["bfloat16"] if dtype == "mixed_bfloat16" else [])]:
        matrix = tf.ones((size, size), name)
        tf.matmul(matrix, matrix)
        best = min(_product_seconds(matrix) for _ in range(repeats))
        rates[name] = round(2 * size**3 / best / 1e9, 1)
    return rates


def _product_seconds(matrix: Any) -> float:
    started = time.perf_counter()
    tf.matmul(matrix, matrix).numpy()
    return time.perf_counter() - started
