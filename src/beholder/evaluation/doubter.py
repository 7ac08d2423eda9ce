"""How far whoever doubts labels can be believed: how often it is right about images that it did not learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from beholder.evaluation.shares import as_whole_percent

# Of what can be known above guessing. Below it less than half of the doubts about photographs with planted wrong labels
# were right (docs/lab-notebook.md).
LEAST_KNOWN = 0.5


@dataclass(frozen=True)
class Doubter:
    """Who doubts labels.

    Attributes:
        judge: who it is, for people.
        accuracy: share of the images that it is right about, 0 to 1, as their labels have it.
        balanced: the mean of that over the classes.
        classes: how many there are images of.
    """

    judge: str
    accuracy: float
    balanced: float
    classes: int

    @classmethod
    def measured(cls, judge: str, probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> Doubter:
        """From out-of-fold `probabilities` (N, K) and `labels` (N,), at least one."""
        right = probabilities.argmax(axis=1) == labels
        counts = np.bincount(labels)
        there = counts > 0
        shares = np.bincount(labels, right)[there] / counts[there]
        return cls(judge, float(right.mean()), float(shares.mean()), int(there.sum()))

    @property
    def believed(self) -> bool:
        """Whether what it doubts is worth a look."""
        chance = 1 / self.classes
        return self.balanced - chance >= LEAST_KNOWN * (1 - chance)

    @property
    def sentence(self) -> str:
        """How good it is, and what follows, for people."""
        right, mean, guessed = map(as_whole_percent, (self.accuracy, self.balanced, 1 / self.classes))
        told = (
            f"Labels were judged by {self.judge}, right about {right} of what was held out (mean of the "
            f"classes {mean}, by guessing {guessed})"
        )
        if self.believed:
            return f"{told}; some of the doubts are the judge's own mistakes."
        return (
            f"{told}. That is too little to question labels or to tell which classes look alike, so neither is shown."
        )
