"""Batch normalisation on TensorFlow's fused kernel where that is the backend; `keras.ops` elsewhere.

Keras composes batch normalisation from small operators, which costs a third of a training step on a CPU
(docs/lab-notebook.md); TensorFlow's fused kernel takes bfloat16 maps with float32 statistics directly.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
else:
    tf = None


def batch_normalization(x: Any, offset: Any, mean: Any, variance: Any, epsilon: float, *, training: bool) -> Any:
    """Normalise each channel of `x` (N, H, W, C), without a scale.

    Args:
        x: maps, float32 or bfloat16.
        offset: (C,) float32, added after normalisation.
        mean: (C,) float32 running mean, used when not training.
        variance: (C,) float32 running variance, used when not training.
        epsilon: added to the variance.
        training: use the batch's own statistics.

    Returns:
        The normalised maps in the dtype of `x`, and the mean and variance of the batch (the running ones when not
        training).
    """
    if tf is not None:
        return tf.compat.v1.nn.fused_batch_norm(
            x,
            tf.ones_like(offset),
            offset,
            mean=None if training else mean,
            variance=None if training else variance,
            epsilon=epsilon,
            is_training=training,
        )
    if training:
        mean, variance = ops.moments(ops.cast(x, "float32"), axes=(0, 1, 2))
    scaled = (ops.cast(x, "float32") - mean) * ops.rsqrt(variance + epsilon) + offset
    return ops.cast(scaled, x.dtype), mean, variance
