"""Layers of our own, registered so that `model.keras` opens without pickled code."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from beholder.models import fused


class _SameShape(keras.layers.Layer):
    """A layer whose output has the shape of its input."""

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """As it came."""
        return shape


@keras.saving.register_keras_serializable("beholder")
class Clean(keras.layers.Layer):
    """The chapter's cleaning inside the graph: grey, centre crop to three quarters, per-image standardisation.

    (N, H, W, C) in 0 … 255 to (N, H·3//4, W·3//4, 1) float32; the reference is `data.cifar.clean.clean_images`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, x: Any) -> Any:
        """Clean the images `x`."""
        height, width = x.shape[1] * 3 // 4, x.shape[2] * 3 // 4
        top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
        grey = ops.mean(x[:, top : top + height, left : left + width, :], axis=3, keepdims=True)
        centred = grey - ops.mean(grey, axis=(1, 2), keepdims=True)
        # Once more: float32 rounds the mean of a nearly flat image by more than the image varies.
        centred = centred - ops.mean(centred, axis=(1, 2), keepdims=True)
        deviation = ops.sqrt(ops.mean(ops.square(centred), axis=(1, 2), keepdims=True))
        return centred / ops.maximum(deviation, 1.0 / math.sqrt(height * width))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Three quarters of each side, one channel."""
        _, height, width, _ = shape
        return shape[0], (height or 0) * 3 // 4, (width or 0) * 3 // 4, 1


@keras.saving.register_keras_serializable("beholder")
class Resize(keras.layers.Layer):
    """Maps brought to another size, bilinear, and averaged over what one pixel stands for where they get smaller.

    (N, H, W, C) to (N, height, width, C) float32: two products with fixed matrices, of the rows, then of the columns.
    It is what Pillow's `Image.resize` with `BILINEAR` computes, without its rounding to whole numbers in between.
    """

    def __init__(self, height: int, width: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.height = height
        self.width = width

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the matrices, (height, H) and (width, W)."""
        self.rows = bilinear_weights(int(shape[1] or 0), self.height)
        self.columns = bilinear_weights(int(shape[2] or 0), self.width)

    def call(self, x: Any) -> Any:
        """Resize the maps `x`."""
        _, height, width, channels = x.shape
        x = ops.matmul(self.rows, ops.reshape(x, (-1, height, width * channels)))
        # One product of all rows, the columns last, is twice as fast as one for each row of each map.
        x = ops.transpose(ops.reshape(x, (-1, width, channels)), (0, 2, 1))
        x = ops.matmul(ops.reshape(x, (-1, width)), self.columns.T)
        x = ops.transpose(ops.reshape(x, (-1, channels, self.width)), (0, 2, 1))
        return ops.reshape(x, (-1, self.height, self.width, channels))

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The size that was asked for."""
        return shape[0], self.height, self.width, shape[3]

    def get_config(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {**super().get_config(), "height": self.height, "width": self.width}


def bilinear_weights(size: int, target: int) -> NDArray[np.float32]:
    """The share of each of `size` pixels in a row in each of the `target` pixels that they become: (target, size).

    A tent over the middle of a new pixel, as wide as two of the larger kind of pixels; each row adds up to 1.
    """
    scale = size / target
    middles = (np.arange(target) + 0.5) * scale
    distances = np.abs(np.arange(size) + 0.5 - middles[:, np.newaxis]) / max(scale, 1.0)
    tents = np.maximum(1 - distances, 0)
    weights: NDArray[np.float32] = (tents / tents.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights


WHITENING_FLOOR = 0.1  # of a variance; the record's 5e-4 breaks under slight noise (docs/lab-notebook.md)


@keras.saving.register_keras_serializable("beholder")
class PatchWhitening(keras.layers.Layer):
    """A frozen 2 × 2 convolution that makes neighbouring pixels uncorrelated, with a bias that is trained.

    Its windows are the eigenvectors of the training patches, each with both signs, scaled to unit variance.
    Source: the first layer of K. Jordan, 94% on CIFAR-10 in 3.29 seconds on a single GPU (2024).
    (N, H, W, C) to (N, H-1, W-1, 8·C).
    """

    kernel_size = (2, 2)
    strides = (1, 1)

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make room for the windows; `adapt` fills them."""
        channels = shape[-1]
        self.filters = 8 * int(channels or 0)
        self.kernel = self.add_weight(shape=(*self.kernel_size, channels, self.filters), trainable=False, name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def adapt(self, batches: Iterable[NDArray[np.float32]]) -> None:
        """Set the windows from the patches of images, `batches` of (n, H, W, C) float32 as this layer receives them.

        Of the patches only sums are kept, since they take many times the memory of the images.
        """
        size, channels = self.kernel_size[0], int(self.kernel.shape[2])
        count, total, products = 0, np.zeros(size * size * channels), np.zeros((size * size * channels,) * 2)
        for images in batches:
            patches = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
            rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * channels).astype(np.float64)
            count, total, products = count + len(rows), total + rows.sum(axis=0), products + rows.T @ rows
        covariance = (products - np.outer(total, total) / count) / (count - 1)
        values, vectors = np.linalg.eigh(covariance)
        # Without this the directions that hardly vary are blown up, and with them the noise of images from elsewhere.
        scaled = (vectors / np.sqrt(values + WHITENING_FLOOR)).astype(np.float32)
        windows = scaled.reshape(size, size, channels, -1)
        self.kernel.assign(np.concatenate([windows, -windows], axis=-1))

    def call(self, x: Any) -> Any:
        """Convolve without padding."""
        return ops.conv(x, ops.cast(self.kernel, x.dtype), padding="valid") + ops.cast(self.bias, x.dtype)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One pixel less on each side, two windows for each value of a patch."""
        return shape[0], (shape[1] or 0) - 1, (shape[2] or 0) - 1, 8 * (shape[3] or 0)


@keras.saving.register_keras_serializable("beholder")
class Convolution3x3(keras.layers.Conv2D):
    """Keras's convolution, 3 × 3 with zeros around the edges and no bias, with a faster gradient while training."""

    def __init__(self, filters: int, **kwargs: Any) -> None:
        fixed = {"kernel_size": 3, "padding": "same", "use_bias": False}
        super().__init__(filters, **{**kwargs, **fixed})

    def call(self, x: Any, training: bool = False) -> Any:
        """Convolve."""
        return fused.fused_convolution(x, ops.cast(self.kernel, x.dtype)) if training else super().call(x)


@keras.saving.register_keras_serializable("beholder")
class BatchNormalization(_SameShape):
    """Batch normalisation over (N, H, W) with an offset and no scale, on the backend's fused kernel.

    Statistics are float32 whatever the maps are; each training step keeps the share `momentum` of the running ones,
    and `epsilon` is added to the variance. Source: Ioffe and Szegedy, Batch normalization (2015).
    """

    def __init__(self, momentum: float = 0.8, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, shape: tuple[int | None, ...]) -> None:
        """One offset and one pair of running statistics a channel."""
        size = (shape[-1],)
        self.offset = self.add_weight(shape=size, initializer="zeros", dtype="float32", autocast=False, name="offset")
        self.moving_mean = self.add_weight(
            shape=size, initializer="zeros", dtype="float32", trainable=False, autocast=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape=size, initializer="ones", dtype="float32", trainable=False, autocast=False, name="moving_variance"
        )

    def call(self, x: Any, training: bool = False) -> Any:
        """Normalise with the batch's statistics while training, with the running ones otherwise."""
        offset, moving_mean, moving_variance = (
            ops.convert_to_tensor(weight) for weight in (self.offset, self.moving_mean, self.moving_variance)
        )
        normalised, mean, variance = fused.batch_normalization(
            x, offset, moving_mean, moving_variance, self.epsilon, training=bool(training)
        )
        if training:
            keep = self.momentum
            self.moving_mean.assign(keep * moving_mean + (1 - keep) * mean)
            self.moving_variance.assign(keep * moving_variance + (1 - keep) * variance)
        return normalised

    def get_config(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("beholder")
class GlobalMaxPooling2D(keras.layers.GlobalMaxPooling2D):
    """Keras's layer, (N, H, W, C) to (N, C), with a gradient that is right on every backend."""

    def call(self, x: Any) -> Any:
        """Take the largest value of each channel."""
        return fused.global_maximum(x)


@keras.saving.register_keras_serializable("beholder")
class BiasReLU(_SameShape):
    """A bias a channel, then the rectifier: max(0, x + bias); a layer of its own so that each step can be looked at."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """One bias a channel."""
        self.bias = self.add_weight(shape=(shape[-1],), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        """Add and rectify."""
        return ops.relu(x + ops.cast(self.bias, x.dtype))


@keras.saving.register_keras_serializable("beholder")
class LocalResponseNormalization(_SameShape):
    """Each value divided by its neighbours over the channels, as the chapter's `tf.nn.lrn(x, 4, 1.0, 0.001 / 9, 0.75)`.

    x / (bias + alpha · Σ squares of the 2·radius+1 channels around it) ** 0.75. The sum is a product with a banded
    matrix: with its gradient about twice as fast as TensorFlow's own operator on a CPU (docs/lab-notebook.md).
    Source: Krizhevsky, Sutskever and Hinton, ImageNet classification with deep networks (2012), section 3.3.
    """

    radius, bias, alpha = 4, 1.0, 0.001 / 9.0

    def call(self, x: Any) -> Any:
        """Normalise the maps `x` (N, H, W, C)."""
        channel = np.arange(x.shape[-1])
        band = (np.abs(channel[:, None] - channel) <= self.radius).astype(np.float32)
        # As a 1 × 1 convolution: a matrix product over maps is exported to ONNX wrongly now and then.
        total = ops.conv(ops.square(x), ops.cast(band[None, None], x.dtype), padding="valid")
        root = ops.rsqrt(self.bias + self.alpha * ops.cast(total, "float32"))
        return x * ops.cast(root * ops.sqrt(root), x.dtype)  # root ** 1.5 = (…) ** -0.75
