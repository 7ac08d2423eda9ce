"""All that is promised of a network's answers, from what it said of the validation set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beholder.data.kinds import Kind
from beholder.evaluation.abstention import risk_facts
from beholder.evaluation.decision import decide
from beholder.evaluation.operating_point import choose_point
from beholder.evaluation.targets import Target


@dataclass(frozen=True)
class Promises:
    """What the manifest says under these names of one network, `float32` or `int8`."""

    unsure_below: float | None
    risk: dict[str, Any]
    point: dict[str, Any] | None  # None where no target was given


def make_promises(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    unlike: NDArray[np.bool_],
    class_names: tuple[str, ...],
    risk: float | None,
    target: Target | None,
    groups: Sequence[str] | None = None,
    kind: Kind = "image",
    folds: int | None = None,
) -> Promises:
    """Choose the operating point for `target`, then the threshold of what is unsure among all other answers.

    Answers of the promised class are never unsure, so the risk is promised of the others alone, `other_than` that
    class. The operating point is chosen on the same images, which the test of the risk does not take into account:
    images below a threshold at which counting stopped are as good a sample as if it had been fixed before, as in
    inverse sampling.

    Args:
        probabilities: (N, K) float32, what the network said of the validation set.
        labels: (N,) int64, the true classes.
        unlike: (N,) bool, images that are not answered however sure the answer is.
        class_names: K of them.
        risk: the share of wrong answers that is tolerated; None: 5 %, if it can be promised.
        target: a recall or precision of one class; None without.
        groups: of each image, as `Dataset.groups`; what is promised is then for images of new groups.
        kind: of the files; the facts say it where it is not `image`.
        folds: where the answers are out of fold, by so many networks other than the one that will answer: what is
            promised is then an estimate, and the facts say so as `folds`.
    """
    point, facts = None, None
    said: dict[str, Any] = {} if kind == "image" else {"kind": kind}
    said |= {} if folds is None else {"folds": folds}
    if target is not None:
        point, facts = choose_point(target, probabilities, labels, class_names, groups)
        facts |= said
    answers = decide(probabilities, point)
    confidences, correct = probabilities[np.arange(len(labels)), answers], answers == labels
    if point is None:
        threshold, told = risk_facts(confidences, correct, unlike, risk, groups)
        return Promises(threshold, {**told, **said}, facts)
    others = ~point.reached(probabilities)
    own = None if groups is None else [groups[row] for row in np.flatnonzero(others).tolist()]
    threshold, told = risk_facts(confidences[others], correct[others], unlike[others], risk, own)
    if not others.any():  # it says nothing else
        told["coverage"] = float(threshold is None)
    return Promises(threshold, {**told, **said, "other_than": class_names[point.label]}, facts)
