"""From probabilities to the class that is answered: the largest, or first the class that a promise was made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class OperatingPoint:
    """A class is answered wherever its probability reaches a threshold, and nowhere else.

    Attributes:
        label: of that class, its place among the class names.
        threshold: of its probability, 0 to 1, a float32 as a float.
    """

    label: int
    threshold: float

    def reached(self, probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
        """(...) bool: where `probabilities` (..., classes) float32 are of the class of this point."""
        flags: NDArray[np.bool_] = probabilities[..., self.label] >= np.float32(self.threshold)
        return flags


def decide(probabilities: NDArray[np.float32], point: OperatingPoint | None) -> NDArray[np.int64]:
    """The labels (...) int64 that are answered for `probabilities` (..., classes) float32.

    Without a `point` the most probable. With one its class wherever its threshold is reached, be it the most probable
    or not, and elsewhere the most probable of the others.
    """
    if point is None:
        most_probable: NDArray[np.int64] = probabilities.argmax(axis=-1)
        return most_probable
    others = probabilities.copy()
    others[..., point.label] = -1.0
    labels: NDArray[np.int64] = np.where(point.reached(probabilities), point.label, others.argmax(axis=-1))
    return labels
