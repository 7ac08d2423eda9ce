"""How good a network is by now: on images without augmentation, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.evaluation.recordings import by_recording
from beholder.training.steps.step import LOOK_PIXELS, Look

OPENING_GAP = 0.10  # from here on the gap between train and validation accuracy is said in words
TRAIN_SAMPLE, LEAST_SAMPLE = 2000, 50  # training images that the train accuracy is measured on, at most and at least

_LEAST = 1e-30  # of a probability, whose logarithm is taken
_Seen = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows and their logits
Hear = Callable[[NDArray[np.int64], NDArray[np.float64]], None]


def judge(
    look: Look,
    dataset: Dataset,
    rows: NDArray[np.int64],
    hear: Hear | None = None,
    *,
    seen: Sequence[int] | None = None,
) -> tuple[float, float]:
    """Accuracy and mean cross-entropy of `look` on the images at `rows`, without augmentation; of sounds on files.

    `hear` is told the rows of each batch and their logits. The network works on images of height and width `seen`;
    None: as they are.
    """
    correct, loss, count = 0, 0.0, 0
    for chosen, logits in _by_file(dataset, rows, _logits(look, dataset, rows, seen)):
        labels = dataset.labels[chosen]
        correct += int((logits.argmax(axis=1) == labels).sum())
        count += len(labels)
        if hear is not None:
            hear(chosen, logits)
        loss -= float(_log_probabilities(logits)[np.arange(len(labels)), labels].sum())
    return correct / count, loss / count


def _logits(look: Look, dataset: Dataset, rows: NDArray[np.int64], seen: Sequence[int] | None) -> Iterator[_Seen]:
    for part in chunks(len(rows), seen or dataset.image_shape, LOOK_PIXELS):
        yield rows[part], look(dataset.images[rows[part]]).astype(np.float64)


def _by_file(dataset: Dataset, rows: NDArray[np.int64], parts: Iterable[_Seen]) -> Iterable[_Seen]:
    """The same where each row is a file; of windows the first of each file, with what all of them say together."""
    if dataset.recordings is None:
        return parts
    logits = np.concatenate([part for _, part in parts])
    means, first = by_recording(np.exp(_log_probabilities(logits)), dataset.recordings[rows])
    return [(rows[first], np.log(np.maximum(means, _LEAST)))]


def _log_probabilities(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def gap_in_words(gap: float, epoch: int, *, augmented: bool) -> str:
    """The sentence for a gap between train and validation accuracy that opened; `augmented`: what helps is on."""
    remedies = "--dropout or --early-stop" if augmented else "--augment, --dropout or --early-stop"
    return (
        f"At epoch {epoch} the training accuracy is {gap * 100:.0f} points above the "
        f"validation accuracy: the network begins to memorise (overfitting); more training data, {remedies} help."
    )


def sample(count: int, size: int | None) -> NDArray[np.int64]:
    """Rows of `count`, evenly spaced, at most `size` of them where that is given."""
    return np.unique(np.linspace(0, count - 1, min(count, size or count)).astype(np.int64))
