"""What makes small classes count as much as large ones: heavier losses, or more turns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def class_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float32]:
    """What the loss of an image of each class is multiplied by, so that every class weighs the same in all.

    The mean over the images is 1, so that the learning rate means what it did. The weights are N / (K · n) for a
    class of n images out of N in K classes that occur (G. King and L. Zeng, Logistic Regression in Rare Events Data,
    2001; scikit-learn's `balanced`).

    Args:
        labels: (N,) int64, of the training set.
        classes: how many there are; one that does not occur has weight 0.

    Returns:
        (classes,) float32.
    """
    counts = np.bincount(labels, minlength=classes)
    occurs = counts > 0
    return np.where(occurs, len(labels) / (occurs.sum() * np.maximum(counts, 1)), 0).astype(np.float32)


def balanced_order(labels: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """As many turns as there are images, shared equally among the classes that occur.

    A class takes its images in turns, each once before any is taken again: of a large class an epoch shows some,
    of a small one all, several times.

    Args:
        labels: (N,) int64, of the training set.
        random: decides which images, and their order.

    Returns:
        (N,) int64, rows.
    """
    occurring = random.permutation(np.unique(labels))
    turns = np.full(len(occurring), len(labels) // len(occurring))
    turns[: len(labels) % len(occurring)] += 1
    chosen = [
        _in_turns(np.flatnonzero(labels == label), count, random) for label, count in zip(occurring, turns, strict=True)
    ]
    return random.permutation(np.concatenate(chosen))


def _in_turns(rows: NDArray[np.int64], count: int, random: np.random.Generator) -> NDArray[np.int64]:
    whole, rest = divmod(count, len(rows))
    return np.concatenate([np.tile(rows, whole), random.permutation(rows)[:rest]]).astype(np.int64)
