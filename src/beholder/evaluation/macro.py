"""Figures in which every class counts alike; light, so that the page of a run can tell them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNEVEN = 1.5  # times as many images in the largest class as in the smallest: accuracy then tells of large ones


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
        "uneven": bool(occurs.any() and true[occurs].max() > UNEVEN * true[occurs].min()),
    }
