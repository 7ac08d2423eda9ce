"""The training step on TensorFlow: compiled without XLA, which is slower here on a CPU (docs/lab-notebook.md)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

# No Python branch here depends on a tensor; looking for one in all that Keras calls takes seconds.
_compiled = partial(tf.function, jit_compile=False, autograph=False)


class TensorFlowStep:
    """Trains a network on one batch at a time, in its own variables; arguments as for `compile_objective`."""

    def __init__(self, model: Any, optimizer: Any, objective: Callable[..., Any], generators: list[Any]) -> None:
        # Compiled for each batch size: one graph for several computes some gradients in another way, so that a run
        # that is resumed at its last, smaller batch would end with other bits.
        @_compiled
        def step(images: Any, labels: Any, learning_rate: Any, seed: Any) -> tuple[Any, Any]:
            optimizer.learning_rate.assign(learning_rate)
            for number, generator in enumerate(generators):
                generator.state.assign(ops.cast(ops.stack([seed, number]), generator.state.dtype))
            with tf.GradientTape() as tape:
                loss, correct = objective(model(images, training=True), labels)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)
            return loss, correct

        self._compiled = step

    def __call__(
        self, images: NDArray[np.uint8], labels: NDArray[np.int64], learning_rate: float, seed: int
    ) -> tuple[float, int]:
        """As `beholder.training.steps.step.Step`."""
        loss, correct = self._compiled(
            tf.convert_to_tensor(images),
            tf.convert_to_tensor(labels),
            tf.constant(learning_rate, tf.float32),
            tf.constant(seed),
        )
        return float(loss) * len(labels), int(correct)

    def sync(self) -> None:
        """Nothing to do: the step works on the variables themselves."""


def compile_look(model: Any) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """As `beholder.training.steps.step.compile_look`."""

    @_compiled(reduce_retracing=True)
    def look(images: Any) -> Any:
        return model(images, training=False)

    def call(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = look(tf.convert_to_tensor(images)).numpy()
        return logits

    return call
