"""Figures of images that belong to groups: those of a patient, or of a video, are right or wrong together.

So many images tell less than as many that were drawn one by one, and an interval that takes them for such is too
narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.evaluation.metrics import wilson_interval

_ALPHA = 0.05


def group_numbers(groups: Sequence[str]) -> NDArray[np.int64]:
    """(N,) int64, from 0: equal for images of one group; an image with an empty one is a group of its own."""
    numbers: dict[tuple[str, int], int] = {}
    keys = [(group, -1) if group else ("", row) for row, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)


def accuracy_interval(correct: NDArray[np.bool_], groups: Sequence[str] | None) -> tuple[float, float]:
    """The 95 % interval of the share of `correct` (N > 0,) answers; with `groups` for new images of new groups.

    Without groups it is Wilson's score interval. With them it is that of fewer images, as many as would vary as much
    if each were drawn for itself: N over the design effect, which is the variance of the share between groups over
    that of independent images (Kish, Survey Sampling, 1965), at the least 1. The quantile of Student's t with one
    degree of freedom less than there are groups takes the place of the normal one, since few groups tell their variance
    badly (Korn and Graubard, Survey Methodology 24, 1998; for Wilson's interval Dean and Pagano, Journal of Survey
    Statistics and Methodology 3, 2015). Where the groups cannot tell it, all right or all wrong or only one group, each
    of them counts as one image.
    """
    count, right = len(correct), int(correct.sum())
    if groups is None:
        return wilson_interval(right, count)
    numbers = group_numbers(groups)
    parts = int(numbers.max()) + 1
    if parts == count:
        return wilson_interval(right, count)
    return _score_interval(right / count, _effective(correct, numbers, parts))


def group_figures(correct: NDArray[np.bool_], groups: Sequence[str] | None) -> dict[str, Any]:
    """Of `correct` (N > 0,) answers how many `groups` they are of, and the `interval` of their share, low and high.

    Nothing where nobody said groups.
    """
    if groups is None:
        return {}
    return {"groups": int(group_numbers(groups).max()) + 1, "interval": list(accuracy_interval(correct, groups))}


def _effective(correct: NDArray[np.bool_], numbers: NDArray[np.int64], parts: int) -> float:
    """How many images, each drawn for itself, would tell as much."""
    from scipy.special import ndtri, stdtrit

    count, accuracy = len(correct), float(correct.mean())
    if parts == 1 or accuracy in (0.0, 1.0):
        return float(parts)
    away = np.bincount(numbers, correct - accuracy, parts)
    variance = parts / (parts - 1) * float((away**2).sum()) / count**2
    effect = max(1.0, variance / (accuracy * (1 - accuracy) / count))
    few = float(ndtri(1 - _ALPHA / 2) / stdtrit(parts - 1, 1 - _ALPHA / 2)) ** 2
    return count / effect * few


def _score_interval(accuracy: float, count: float) -> tuple[float, float]:
    """Wilson's score interval (1927) of a share among `count` images, which need not be a whole number."""
    from scipy.special import ndtri

    z = float(ndtri(1 - _ALPHA / 2))
    centre = (accuracy + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * math.sqrt(accuracy * (1 - accuracy) / count + z**2 / (4 * count**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def one_of_each(groups: Sequence[str]) -> NDArray[np.int64]:
    """The rows (G,) int64 of one image of each group, always the same, in ascending order.

    Images that are drawn so, one of each group, are independent of each other if the groups are.
    """
    numbers = group_numbers(groups)
    shuffled = np.random.Generator(np.random.PCG64(0)).permutation(len(numbers))
    _, first = np.unique(numbers[shuffled], return_index=True)
    return np.sort(shuffled[first]).astype(np.int64)
