"""Trains an autoencoder on images, and tells how well it rebuilds each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.data.image_rows import Images
from beholder.data.pool import pooled
from beholder.data.progress import Progress, silent
from beholder.models.autoencoder import REBUILT_SIDE, build
from beholder.models.resolution import shrink_factor
from beholder.training.steps import framework
from beholder.training.steps.batches import stream
from beholder.training.steps.step import compile_look, compile_objective

_BATCH = 250  # images
_STEPS = 480  # some seconds on two cores; more rebuild outliers too
_MOST_EPOCHS = 20  # of a small data set, which would be learned by heart
_LEARNING_RATE = 1e-3
_LOOK = 1000  # images


def reconstruct(
    sets: Mapping[str, Dataset], *, seed: int = 0, progress: Progress = silent
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How well an autoencoder that is trained on all images of `sets` rebuilds each of them.

    Args:
        sets: from set name to its images, N in all and of one shape.
        seed: decides everything.
        progress: told how far it is, in steps.

    Returns:
        In the order of the sets: mean squared errors (N,), of pixels from 0 to 1; codes (N, 64).
    """
    shape = next(iter(sets.values())).image_shape
    small = pooled(sets, shrink_factor(shape, REBUILT_SIDE)).dataset  # whatever size they are of
    images = small.images
    framework.set_random_seed(seed)
    model = build(small.image_shape)
    optimizer = keras.optimizers.Adam(_LEARNING_RATE)
    step = compile_objective(model, optimizer, _mean_error)
    batch = min(_BATCH, len(images))
    steps = min(_STEPS, _MOST_EPOCHS * len(images) // batch)
    for number in range(steps):
        rows = stream(seed, number).choice(len(images), batch, replace=False, shuffle=False)
        step(images[np.sort(rows)], np.zeros(batch, np.int64), _LEARNING_RATE, number)
        progress("Training an autoencoder", number + 1, steps)
    step.sync()
    errors = _outputs(model, images)[:, 0]
    return errors, _outputs(keras.Model(model.input, model.get_layer("code").output), images)


def _mean_error(errors: Any, labels: Any) -> tuple[Any, Any]:
    """The loss of a batch; nothing in it is right or wrong, so that `labels` count for nothing."""
    return ops.mean(errors), ops.sum(labels)


def _outputs(model: Any, images: Images) -> NDArray[np.float32]:
    look = compile_look(model)
    return np.concatenate([look(images[start : start + _LOOK]) for start in range(0, len(images), _LOOK)])
