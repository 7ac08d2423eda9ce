"""An operating point: the probability from which a class is answered, so that its recall or precision is promised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.evaluation.abstention import CONFIDENCE, fewest_images, risk_threshold
from beholder.evaluation.decision import OperatingPoint
from beholder.evaluation.groups import one_of_each
from beholder.evaluation.targets import Target

_TRIED = 50  # numbers of answers for which it is estimated how many images would do
_MOST_NEEDED = 10_000_000  # images; more is as good as never


def recall_threshold(own: NDArray[np.float32], recall: float, confidence: float = CONFIDENCE) -> float | None:
    """The largest threshold at which at least the share `recall` of a class's images is promised to be found.

    Recall falls as the threshold rises. So thresholds are tried from the lowest probability that the class has on an
    image of its own upwards, each with the exact binomial test, and the last that passes is taken. This is the
    one-sided tolerance limit of Wilks (Determination of sample sizes for setting tolerance limits, 1941): the k-th
    smallest probability, where the number of images alone decides k, and so exact whatever probabilities are like.

    Args:
        own: (n,) float32, the class's probability on each validation image of the class.
        recall: the share, between 0 and 1, both excluded.
        confidence: with which it is promised, over the choice of these images, likewise.

    Returns:
        The threshold; None where there are too few images.
    """
    from scipy.special import bdtr  # not above: a light install reads the words of this module without it

    missed = np.arange(len(own))  # so many below the threshold; the test's level rises with them
    passes = int(np.count_nonzero(bdtr(missed, len(own), 1 - recall) <= 1 - confidence))
    return float(np.sort(own)[passes - 1]) if passes else None


def precision_threshold(
    scores: NDArray[np.float32], of_class: NDArray[np.bool_], precision: float, confidence: float = CONFIDENCE
) -> float | None:
    """The least threshold at which at least the share `precision` of a class's answers is promised to be right.

    Precision may rise or fall with the threshold. So a sequence of thresholds is tried that no label has a part in,
    from few answers to many, until one fails the exact test: `risk_threshold`, where a wrong answer is one of another
    class. The sequence ends with as many answers as could be precise if the probabilities are true and all images of
    the class were found.

    Args:
        scores: (N,) float32, the class's probability on each validation image.
        of_class: (N,) bool, whether the image is of the class.
        precision: the share, between 0 and 1, both excluded.
        confidence: with which it is promised, over the choice of these images, likewise.

    Returns:
        The threshold; None where nothing can be promised: too few images, or too many others among the surest.
    """
    expected = float(scores.sum(dtype=np.float64))  # images of the class, if the probabilities are true
    most = min(len(scores), max(math.ceil(expected / precision), fewest_images(1 - precision, confidence)))
    if most == 0:
        return None
    surest = scores >= np.sort(scores)[-most]
    return risk_threshold(scores[surest], of_class[surest], 1 - precision, confidence)


def choose_point(
    target: Target,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    groups: Sequence[str] | None = None,
) -> tuple[OperatingPoint | None, dict[str, Any]]:
    """The operating point that promises `target`, and what the manifest says of it.

    Args:
        target: of one of `class_names`.
        probabilities: (N, K) float32, what the network said of the validation set.
        labels: (N,) int64, the true classes.
        class_names: K of them.
        groups: of each image, as `Dataset.groups`. Images of a group are no independent draws, so the promise rests on
            one image of each, for a recall one of the class, and is for an image of a new group, each as likely as any
            other.

    Returns:
        The point, None where nothing can be promised; and the facts: `class_name`, `figure`, `asked`, `confidence`,
        `promised` and `threshold` (None unless promised); those of `judge_point` on the validation set; `groups`, on
        how many the promise rests, and `class_groups`, those whose image is of the class, if there are groups; and
        `needed`, about how many validation images of the class, or such groups, would do where it is not promised, None
        where none would or it is.
    """
    label = class_names.index(target.class_name)
    scores, of_class = np.nan_to_num(probabilities[:, label]), labels == label
    rows = np.flatnonzero(of_class) if target.figure == "recall" else np.arange(len(labels))
    if groups is not None:
        rows = rows[one_of_each([groups[row] for row in rows.tolist()])]
    if target.figure == "recall":
        least = recall_threshold(scores[rows], target.asked)
    else:
        least = precision_threshold(scores[rows], of_class[rows], target.asked)
    point = None if least is None else OperatingPoint(label, _amid(scores, least))
    called = np.zeros(len(labels), np.bool_) if point is None else point.reached(probabilities)
    facts: dict[str, Any] = {
        "class_name": target.class_name,
        "figure": target.figure,
        "asked": target.asked,
        "confidence": CONFIDENCE,
        "promised": point is not None,
        "threshold": None if point is None else point.threshold,
        **judge_point(called, of_class),
        **({} if groups is None else {"groups": len(rows), "class_groups": int(of_class[rows].sum())}),
        "needed": None if point is not None else _needed(target, scores[rows], of_class[rows]),
    }
    return point, facts


def judge_point(called: NDArray[np.bool_], of_class: NDArray[np.bool_]) -> dict[str, Any]:
    """What came of answering a class.

    Args:
        called: (N,) bool, the images that got its name.
        of_class: (N,) bool, those that are of it.

    Returns:
        `count`, images of the class, and `others`, those that are not; `found` and `false`, how many of both got its
        name; `recall` and `precision`, and `false_alarms`, the share of the others that got it. None of nothing.
    """
    count, others = int(of_class.sum()), int((~of_class).sum())
    found, false = int((called & of_class).sum()), int((called & ~of_class).sum())
    return {
        "count": count,
        "others": others,
        "found": found,
        "false": false,
        "recall": found / count if count else None,
        "precision": found / (found + false) if found + false else None,
        "false_alarms": false / others if others else None,
    }


def _amid(scores: NDArray[np.float32], threshold: float) -> float:
    """A threshold as good as `threshold`, halfway to the next score below: a last digit then changes nothing."""
    below = scores[scores < np.float32(threshold)]
    lower = float(below.max()) if len(below) else 0.0
    halfway = np.float32((lower + threshold) / 2)
    return float(halfway) if halfway > lower else threshold


def _needed(target: Target, scores: NDArray[np.float32], of_class: NDArray[np.bool_]) -> int | None:
    """About how many validation images of the class would do, if as many of its answers stayed right as here."""
    from scipy.special import bdtr

    count, fewest = int(of_class.sum()), target.fewest
    if target.figure == "recall" or count < fewest:
        return fewest
    right = np.cumsum(of_class[np.argsort(-scores, kind="stable")])
    enough: list[int] = []
    for rank in np.unique(np.linspace(fewest, len(scores), _TRIED).astype(np.int64)):
        wrong, answers = 1 - float(right[rank - 1]) / int(rank), float(rank)
        if wrong >= 1 - target.asked:
            continue
        while answers < _MOST_NEEDED and bdtr(math.ceil(answers * wrong), round(answers), 1 - target.asked) > (
            1 - CONFIDENCE
        ):
            answers *= 1.1
        enough += [math.ceil(count * answers / int(rank))] if answers < _MOST_NEEDED else []
    return min(enough, default=None)
