"""A smaller training set: what would be learned from fewer images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from beholder.data.dataset import Dataset
from beholder.errors import UsageError


def first_images(train: Dataset, count: int | None, *, seed: int) -> Dataset:
    """The first `count` images of `train` in a stratified order that `seed` decides; all of them for None.

    A `count` above what is left beside the validation images means all: people count their images before the split.
    A smaller choice is contained in a larger one, so that more images are never merely other images.

    Raises:
        UsageError: `count` leaves a class without an image.
    """
    if count is None or count >= len(train):
        return train
    classes = len(train.class_names)
    if count < classes:
        raise UsageError(f"{count} images do not reach for {classes} classes; choose at least {classes}.")
    return train.select(np.sort(stratified_order(train.labels, seed=seed)[:count]))


def stratified_order(labels: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """All rows in a random order of which every beginning has its share of every class (systematic sampling).

    Args:
        labels: (N,) int64.
        seed: decides the order.

    Returns:
        (N,) int64, each row once.
    """
    random = np.random.Generator(np.random.PCG64([seed, 1]))
    shuffled = random.permutation(len(labels))
    counts = np.bincount(labels)
    by_class = np.argsort(labels[shuffled], kind="stable")
    ranks = np.empty(len(labels), np.int64)  # of each shuffled row among those of its class
    ranks[by_class] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    # The rows of a class stand at even distances; where they begin is drawn, so that no class is favoured.
    offsets = random.random(len(counts))
    places = (ranks + offsets[labels[shuffled]]) / counts[labels[shuffled]]
    return shuffled[np.argsort(places, kind="stable")].astype(np.int64)
