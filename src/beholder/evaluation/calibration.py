"""Calibration: whether answers of 80 % are right eight times in ten, and the temperature that makes them so."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 15  # of equal width, as in Guo et al.
_COLDEST, _HOTTEST = 0.1, 10.0
_FEWEST = 20  # validation images; from fewer no temperature is fitted


def fit_temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """The temperature that makes the probability of the answer say how often the answer is right.

    Temperature scaling (Guo, Pleiss, Sun and Weinberger, On Calibration of Modern Neural Networks, ICML 2017): one
    number divides all logits, so that no answer changes. It is fitted to what is shown and judged, the probability of
    the answer: it maximises the likelihood of right and wrong answers, with the targets of Platt (Probabilistic Outputs
    for Support Vector Machines, 1999), which keep it finite where every answer is right.

    Args:
        logits: (N, K) float32, of the validation set.
        labels: (N,) int64, the true classes.

    Returns:
        The temperature, between 0.1 and 10; 1 where there are fewer than 20 images, fewer than two classes, or logits
        that are not finite.
    """
    if len(logits) < _FEWEST or logits.shape[1] < 2 or not np.isfinite(logits).all():
        return 1.0
    from scipy.optimize import minimize_scalar  # not above: a light install reads the figures of this module without it

    below = np.asarray(logits, np.float64)
    below = below - below.max(axis=1, keepdims=True)  # (N, K), the answer's is 0
    right = logits.argmax(axis=1) == labels
    rights, wrongs = int(right.sum()), int((~right).sum())
    targets = np.where(right, (rights + 1) / (rights + 2), 1 / (wrongs + 2))  # (N,)

    def loss(log_temperature: float) -> float:
        sums = np.exp(below / np.exp(log_temperature)).sum(axis=1)  # the answer's probability is 1 / sum
        others = np.log(np.maximum(sums - 1, np.finfo(np.float64).tiny))
        return float(np.mean(np.log(sums) - (1 - targets) * others))

    bounds = (float(np.log(_COLDEST)), float(np.log(_HOTTEST)))
    # Rounded: another machine's last bits, or another order of sums, make no other model.
    return round(float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x)), 3)


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities (N, K) float32 of `logits` (N, K), each divided by the temperature first."""
    powers = np.exp((logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def reliability(confidences: NDArray[np.float32], correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """The reliability diagram: how sure answers are, and how often they are right.

    Args:
        confidences: (N,) float32, the probability of each answer, 0 to 1.
        correct: (N,) bool, whether it is right.

    Returns:
        For each of 15 bins of equal width `low`, `high`, `count`, and the means `confidence` and `accuracy`, None where
        no answer falls into it. A bin holds its upper edge.
    """
    places = np.clip(np.ceil(confidences * _BINS).astype(np.int64) - 1, 0, _BINS - 1)
    counts = np.bincount(places, minlength=_BINS)
    sure = np.bincount(places, weights=confidences, minlength=_BINS)
    right = np.bincount(places, weights=correct, minlength=_BINS)
    return [
        {
            "low": place / _BINS,
            "high": (place + 1) / _BINS,
            "count": int(counts[place]),
            "confidence": float(sure[place] / counts[place]) if counts[place] else None,
            "accuracy": float(right[place] / counts[place]) if counts[place] else None,
        }
        for place in range(_BINS)
    ]


def expected_calibration_error(confidences: NDArray[np.float32], correct: NDArray[np.bool_]) -> float:
    """The mean distance between confidence and accuracy over the bins of `reliability`, weighted by their counts.

    Expected calibration error as in Guo et al. 2017, 0 to 1; 0 where there are no answers. Chance alone gives about
    0.01 on 5,000 images.
    """
    bins = [one for one in reliability(confidences, correct) if one["count"]]
    total = sum(one["count"] for one in bins)
    return float(sum(one["count"] * abs(one["confidence"] - one["accuracy"]) for one in bins) / total) if total else 0.0
