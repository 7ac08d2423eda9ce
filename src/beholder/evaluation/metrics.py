"""The figures of an evaluation: accuracy with its interval, macro figures, log-loss, and those of each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

from beholder.errors import DataError
from beholder.evaluation.macro import macro_figures

# Log-loss would be infinite for a single true class given probability 0; this is about float32's resolution near 1.
_SMALLEST_PROBABILITY = 1e-7


def figures(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], class_names: Sequence[str]
) -> dict[str, Any]:
    """Everything that is said about N answers, ready for JSON.

    Args:
        probabilities: (N, K) float32, one row an image, each row summing to 1.
        labels: (N,) int64, the true classes, from 0 to K - 1; a class may be absent.
        class_names: K names, in the order of the labels.

    Returns:
        `count`; `accuracy` (0 to 1) and `interval` [low, high], its 95 % Wilson score interval; `top5`, the share of
        images whose true class is among the five most probable (None unless K > 10); `log_loss`, the mean of
        -log(probability of the true class) in nats, probabilities clipped at 1e-7; `macro_recall`, `macro_f1` and
        `uneven`, see `macro_figures`; `per_class`, a list of
        `class_name`, `precision`, `recall`, `f1`, `count`, where a ratio without a denominator (the class was never
        predicted, or does not occur) is 0; `confusion`, K lists of K counts, rows true, columns predicted.

    Raises:
        DataError: no rows, shapes that do not fit one another, or probabilities that are not finite.
    """
    _check(probabilities, labels, class_names)
    classes = np.arange(len(class_names))
    predictions = probabilities.argmax(axis=1)  # (N,)
    correct = int((predictions == labels).sum())
    # Every pair of true and predicted class has a number of its own, row by row: count these.
    pairs = labels * len(classes) + predictions
    confusion = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), len(classes))  # (K, K)
    true_probabilities = probabilities[np.arange(len(labels)), labels].astype(np.float64)  # (N,)
    precision, recall, f1, counts = precision_recall_fscore_support(
        labels, predictions, labels=classes, zero_division=0
    )
    return {
        "count": len(labels),
        "accuracy": correct / len(labels),
        "interval": list(wilson_interval(correct, len(labels))),
        "top5": float(top_k_accuracy_score(labels, probabilities, k=5, labels=classes)) if len(classes) > 10 else None,
        "log_loss": float(-np.log(true_probabilities.clip(_SMALLEST_PROBABILITY, 1.0)).mean()),
        **macro_figures(confusion),
        "per_class": [
            {
                "class_name": name,
                "precision": float(precision[row]),
                "recall": float(recall[row]),
                "f1": float(f1[row]),
                "count": int(counts[row]),
            }
            for row, name in enumerate(class_names)
        ],
        "confusion": confusion.tolist(),
    }


def mistakes(probabilities: NDArray[np.float32], labels: NDArray[np.int64], count: int = 24) -> NDArray[np.int64]:
    """The rows of at most `count` wrong answers, the most confident first; equals stay in the order of the rows.

    Args:
        probabilities: (N, K) float32.
        labels: (N,) int64, the true classes.
        count: how many rows at most.

    Returns:
        (at most `count`,) int64, rows of `probabilities`.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1, initial=0.0), kind="stable")
    return wrong[order[:count]].astype(np.int64)


def wilson_interval(correct: int, count: int) -> tuple[float, float]:
    """The 95 % interval of an accuracy of `correct` out of `count` > 0 (Wilson 1927, the score interval)."""
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
