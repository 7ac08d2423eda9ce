"""How good a network is by now: on images without augmentation, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.training.steps.step import LOOK_PIXELS, Look

OPENING_GAP = 0.10  # from here on the gap between train and validation accuracy is said in words
TRAIN_SAMPLE, LEAST_SAMPLE = 2000, 50  # training images that the train accuracy is measured on, at most and at least

Hear = Callable[[NDArray[np.int64], NDArray[np.float64]], None]


def judge(
    look: Look,
    dataset: Dataset,
    rows: NDArray[np.int64],
    hear: Hear | None = None,
    *,
    seen: Sequence[int] | None = None,
) -> tuple[float, float]:
    """Accuracy and mean cross-entropy of `look` on the images at `rows`, without augmentation.

    `hear` is told the rows of each batch and their logits. The network works on images of height and width `seen`;
    None: as they are.
    """
    correct, loss = 0, 0.0
    for part in chunks(len(rows), seen or dataset.image_shape, LOOK_PIXELS):
        chosen = rows[part]
        logits, labels = look(dataset.images[chosen]).astype(np.float64), dataset.labels[chosen]
        correct += int((logits.argmax(axis=1) == labels).sum())
        if hear is not None:
            hear(chosen, logits)
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss -= float(log_probabilities[np.arange(len(labels)), labels].sum())
    return correct / len(rows), loss / len(rows)


def gap_in_words(gap: float, epoch: int, *, augmented: bool) -> str:
    """The sentence for a gap between train and validation accuracy that opened; `augmented`: what helps is on."""
    remedies = "--dropout or --early-stop" if augmented else "--augment, --dropout or --early-stop"
    return (
        f"At epoch {epoch} the accuracy on training images is {gap * 100:.0f} points above that on validation "
        f"images: the network begins to memorise (overfitting); more images, {remedies} help."
    )


def sample(count: int, size: int | None) -> NDArray[np.int64]:
    """Rows of `count`, evenly spaced, at most `size` of them where that is given."""
    return np.unique(np.linspace(0, count - 1, min(count, size or count)).astype(np.int64))
