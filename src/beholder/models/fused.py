"""What each backend does fastest in a way of its own: the only calls of a backend's among the networks.

On TensorFlow, Keras composes batch normalisation from small operators, which costs a third of a training step on a CPU;
the fused kernel takes bfloat16 maps with float32 statistics directly. And the filter gradient of a convolution over
small maps in bfloat16 is slow there: as one matrix product it takes a third to two thirds of the time
(docs/lab-notebook.md). XLA, behind JAX, fuses small operators by itself.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def batch_normalization(x: Any, offset: Any, mean: Any, variance: Any, epsilon: float, *, training: bool) -> Any:
    """Normalise each channel of `x` (N, H, W, C), float32 or bfloat16, without a scale; then add the `offset` (C,).

    `mean` and `variance` (C,) are the running ones, used when not training. Returns the normalised maps in the dtype of
    `x`, and the mean and the unbiased variance of the batch (the running ones when not training).
    """
    if keras.config.backend() == "tensorflow":
        return _kernel(x, offset, mean, variance, epsilon, training)
    maps = ops.cast(x, "float32")
    if not training:
        return _normalised(maps, offset, mean, variance, epsilon, x.dtype), mean, variance
    mean, variance = ops.mean(maps, axis=(0, 1, 2)), ops.var(maps, axis=(0, 1, 2))
    count = x.shape[0] * x.shape[1] * x.shape[2]
    unbiased = variance * (count / max(count - 1, 1))
    return _normalised(maps, offset, mean, variance, epsilon, x.dtype), mean, unbiased


def _normalised(maps: Any, offset: Any, mean: Any, variance: Any, epsilon: float, dtype: Any) -> Any:
    return ops.cast((maps - mean) * ops.rsqrt(variance + epsilon) + offset, dtype)


def _kernel(x: Any, offset: Any, mean: Any, variance: Any, epsilon: float, training: bool) -> Any:
    import tensorflow as tf

    return tf.compat.v1.nn.fused_batch_norm(
        x,
        tf.ones_like(offset),
        offset,
        mean=None if training else mean,
        variance=None if training else variance,
        epsilon=epsilon,
        is_training=training,
    )


def global_maximum(x: Any) -> Any:
    """The largest value of each channel of `x` (N, H, W, C): (N, C).

    On JAX it is one pooling window as large as the maps. The gradient of a plain maximum goes to the values that equal
    it; XLA computes the values anew to compare them, may round them otherwise, and then none is equal and the gradient
    is not a number (jax-ml/jax issue 40564).
    """
    if keras.config.backend() == "tensorflow":
        return ops.max(x, axis=(1, 2))
    return ops.squeeze(ops.max_pool(x, tuple(x.shape[1:3]), strides=1), axis=(1, 2))


LARGEST_SMALL_MAP = 64  # positions; above that, gathering the patches costs more than the product saves


def fused_convolution(x: Any, kernel: Any) -> Any:
    """Slide `kernel` (3, 3, C, K) over `x` (N, H, W, C), edges padded with zeros: (N, H, W, K) in the dtype of both."""
    small = x.shape[1] * x.shape[2] <= LARGEST_SMALL_MAP
    if keras.config.backend() == "tensorflow" and small and keras.backend.standardize_dtype(x.dtype) == "bfloat16":
        return _convolution_over_small_maps(x, kernel)
    return ops.conv(x, kernel, padding="same")


def _convolution_over_small_maps(x: Any, kernel: Any) -> Any:
    import tensorflow as tf

    @tf.custom_gradient
    def convolve(x: Any, kernel: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any]:
            height, width, channels = x.shape[1:]
            padded = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
            shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
            patches = tf.reshape(tf.concat(shifted, axis=-1), (-1, 9 * channels))
            filters = tf.matmul(patches, tf.reshape(upstream, (-1, kernel.shape[-1])), transpose_a=True)
            inputs = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(x), strides=1, padding="SAME")
            return inputs, tf.reshape(filters, kernel.shape)

        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), gradient

    return convolve(x, kernel)
