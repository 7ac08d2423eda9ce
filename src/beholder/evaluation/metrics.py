"""The figures of an evaluation: accuracy with its interval, macro figures, log-loss, and those of each class.

SciPy and scikit-learn are imported where they are used: a light install reads figures without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.errors import DataError

# Log-loss would be infinite for a single true class given probability 0; this is about float32's resolution near 1.
_SMALLEST_PROBABILITY = 1e-7
_UNEVEN = 1.5  # times as many images in the largest class as in the smallest: accuracy then tells of large ones


def figures(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    class_names: Sequence[str],
    answers: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Everything that is said about N answers, ready for JSON.

    Args:
        probabilities: (N, K) float32, one row an image, each row summing to 1.
        labels: (N,) int64, the true classes, from 0 to K - 1; a class may be absent.
        class_names: K names, in the order of the labels.
        answers: (N,) int64, the classes that were answered; the most probable by default.

    Returns:
        `count`; `accuracy` (0 to 1) and `interval` [low, high], its 95 % Wilson score interval; `top5`, the share of
        images whose true class is among the five most probable (None unless K > 10); `log_loss`, the mean of
        -log(probability of the true class) in nats, probabilities clipped at 1e-7; those of `macro_figures`;
        `per_class`, a list of `class_name`, `precision`, `recall`, `f1`, `count`, where a ratio without a denominator
        (the class was never predicted, or does not occur) is 0; `confusion`, K lists of K counts, rows true.

    Raises:
        DataError: no rows, shapes that do not fit one another, or probabilities that are not finite.
    """
    from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

    _check(probabilities, labels, class_names)
    classes = np.arange(len(class_names))
    predictions = probabilities.argmax(axis=1) if answers is None else answers  # (N,)
    correct = int((predictions == labels).sum())
    # Every pair of true and predicted class has a number of its own, row by row: count these.
    pairs = labels * len(classes) + predictions
    confusion = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), len(classes))  # (K, K)
    true_probabilities = probabilities[np.arange(len(labels)), labels].astype(np.float64)  # (N,)
    # Of the counts scikit-learn makes fractions where no answer is right.
    ratios = precision_recall_fscore_support(labels, predictions, labels=classes, zero_division=0)[:3]
    columns = (*ratios, confusion.sum(axis=1))
    names = ("precision", "recall", "f1", "count")
    return {
        "count": len(labels),
        "accuracy": correct / len(labels),
        "interval": list(wilson_interval(correct, len(labels))),
        "top5": float(top_k_accuracy_score(labels, probabilities, k=5, labels=classes)) if len(classes) > 10 else None,
        "log_loss": float(-np.log(true_probabilities.clip(_SMALLEST_PROBABILITY, 1.0)).mean()),
        **macro_figures(confusion),
        "per_class": [
            {"class_name": name, **dict(zip(names, values, strict=True))}
            for name, *values in zip(class_names, *(column.tolist() for column in columns), strict=True)
        ],
        "confusion": confusion.tolist(),
    }


def macro_figures(confusion: NDArray[np.int64] | Sequence[Sequence[int]]) -> dict[str, Any]:
    """Figures in which each class counts as much as any other, however few images it has.

    Args:
        confusion: (K, K) counts, rows true, columns predicted.

    Returns:
        `macro_recall`, the mean recall of the classes that occur, also called balanced accuracy (0 to 1); `macro_f1`,
        the mean F1 of those that occur or were answered; `uneven`, whether the largest class that occurs has more than
        1.5 times as many images as the smallest, so that these figures say more than the accuracy does. Where there
        is no image, both figures are 0.
    """
    counts = np.asarray(confusion, np.int64).reshape(len(confusion), len(confusion))
    right, true, answered = np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0)
    occurs, known = true > 0, true + answered > 0
    recall = right[occurs] / true[occurs]
    f1 = 2 * right[known] / (true + answered)[known]
    return {
        "macro_recall": float(recall.mean()) if occurs.any() else 0.0,
        "macro_f1": float(f1.mean()) if known.any() else 0.0,
        "uneven": bool(occurs.any() and true[occurs].max() > _UNEVEN * true[occurs].min()),
    }


def mistakes(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    count: int = 24,
    answers: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """The rows (n,) int64 of at most `count` wrong answers, the most confident first.

    They are rows of `probabilities` (N, K) float32, `labels` (N,) int64 and `answers` (N,) int64, by default the most
    probable classes; equals stay in their order.
    """
    given = probabilities.argmax(axis=1) if answers is None else answers
    wrong = np.flatnonzero(given != labels)
    order = np.argsort(-probabilities[wrong, given[wrong]], kind="stable")
    return wrong[order[:count]].astype(np.int64)


def validation_interval(accuracy: float | None, count: int, told: Mapping[str, Any]) -> tuple[float, float] | None:
    """Of an `accuracy` on a validation set of `count` images; that of its groups where the manifest has `told` one."""
    if accuracy is None or not count:
        return None
    interval = told.get("interval")
    return wilson_interval(round(accuracy * count), count) if interval is None else (interval[0], interval[1])


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy of `correct` out of `count` > 0 (Wilson 1927, the score interval)."""
    from scipy.stats import binomtest

    interval = binomtest(correct, count).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def _check(probabilities: NDArray[np.float32], labels: NDArray[np.int64], class_names: Sequence[str]) -> None:
    expected = (len(labels), len(class_names))
    if probabilities.shape != expected or 0 in expected:
        raise DataError(
            f"Expected probabilities of shape (images, classes) = {expected}, neither of them 0. "
            f"Received: shape={probabilities.shape}."
        )
    if not np.isfinite(probabilities).all():
        raise DataError(
            "The model answers with probabilities that are not finite: its training diverged; "
            "train it again with a lower learning rate."
        )
