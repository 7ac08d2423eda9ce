"""What other thresholds of a class would give: precision over recall, and recall over false alarms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_POINTS = 100  # of a curve at most


def operating_curves(scores: NDArray[np.float32], of_class: NDArray[np.bool_]) -> dict[str, Any]:
    """The two curves of a class, and what each is worth as a whole.

    Args:
        scores: (N,) float32, the probability of the class.
        of_class: (N,) bool, whether an image is of it.

    Returns:
        `curve`, at most 100 points from the highest threshold to the lowest, each `recall`, `precision` and
        `false_alarms` (the share of the others that get its name); `average_precision`; and `auroc`, the area under the
        receiver operating characteristic. Where the class or all others are missing the curve is empty, the two None.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    count, others = int(of_class.sum()), int((~of_class).sum())
    if not count or not others:
        return {"curve": [], "average_precision": None, "auroc": None}
    order = np.argsort(-scores, kind="stable")
    falling, found = scores[order], np.cumsum(of_class[order])
    # Thresholds lie between different scores alone; those at which another image of the class is found make the curve.
    ends = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    told = ends[np.diff(found[ends], prepend=0) > 0]
    told = told[np.unique(np.linspace(0, len(told) - 1, _POINTS - 1).astype(np.int64))]
    told = np.union1d(told, ends[-1:])  # and where every image gets the name
    return {
        "curve": [
            {
                "recall": int(found[end]) / count,
                "precision": int(found[end]) / (int(end) + 1),
                "false_alarms": (int(end) + 1 - int(found[end])) / others,
            }
            for end in told
        ],
        "average_precision": float(average_precision_score(of_class, scores)),
        "auroc": float(roc_auc_score(of_class, scores)),
    }
