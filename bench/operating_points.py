"""Do promised recall and precision hold? Simulated networks, judged on ten thousand new images of the class.

usage: python bench/operating_points.py

Draws 200 validation sets of each of three simulated networks (a rare class that is told well, one that is told badly by
an overconfident network, a very rare one with a timid network), chooses an operating point on each, and counts for how
many the promise holds on other images, at least 10,000 of the class. Prints a line a promise, with the mean price
in the other figure, and in how many sets it could be promised at all; exits with 1 where a promise held in fewer than
95 % of them.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from beholder.evaluation.operating_point import choose_point, judge_point
from beholder.evaluation.targets import Target

RESPLITS, VALIDATION, OF_THE_CLASS = 200, 3000, 20_000
NAMES = ("fine", "scratched", "defective")


@dataclass(frozen=True)
class World:
    """What a network is shown and says: three classes that are normal in what it sees, the last one rare."""

    name: str
    share: float  # of the images that are of the rare class
    apart: float  # distance of the classes' centres, in standard deviations
    sharpness: float  # 1: its probabilities are true; more: overconfident

    def drawn(self, random: np.random.Generator, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """(N, 3) float32 probabilities and (N,) int64 labels."""
        shares = np.array([0.8 * (1 - self.share), 0.2 * (1 - self.share), self.share])
        labels = random.choice(3, count, p=shares).astype(np.int64)
        centres = self.apart * np.eye(3) / 2**0.5
        seen = centres[labels] + random.standard_normal((count, 3))
        logits = self.sharpness * (seen @ centres.T + np.log(shares))
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32), labels


WORLDS = (
    World("rare, told well", 0.1, 2.5, 1.0),
    World("told badly, overconfident", 0.3, 1.5, 3.0),
    World("very rare, timid", 0.05, 3.0, 0.5),
)
TARGETS: tuple[tuple[Literal["recall", "precision"], float], ...] = (
    ("recall", 0.95),
    ("recall", 0.9),
    ("precision", 0.9),
    ("precision", 0.8),
)


def main() -> None:
    """Print all of it."""
    outcomes = [held(world, *target) for world in WORLDS for target in TARGETS]
    sys.exit(0 if all(outcomes) else 1)


def held(world: World, figure: Literal["recall", "precision"], asked: float) -> bool:
    """Whether the promise holds as often as it should."""
    many, labels = world.drawn(np.random.default_rng(1_000_000), round(1.05 * OF_THE_CLASS / world.share))
    target, price = Target(figure, NAMES[2], asked), []
    promised = kept = 0
    for seed in range(RESPLITS):
        point, _ = choose_point(target, *world.drawn(np.random.default_rng(seed), VALIDATION), NAMES)
        if point is None:
            continue
        judged = judge_point(point.reached(many), labels == 2)
        promised += 1
        kept += (judged[figure] or 0.0) >= asked
        price.append(judged["precision" if figure == "recall" else "recall"])
    cost = f", at {np.mean(price):.1%} {'precision' if figure == 'recall' else 'recall'}" if price else ""
    print(
        f"{world.name}, {int((labels == 2).sum()):,} of the class: {asked:.0%} {figure} held in {kept} of {promised} "
        f"promises on {RESPLITS} validation sets of {VALIDATION:,}{cost}",
        flush=True,
    )
    return kept >= 0.95 * promised


if __name__ == "__main__":
    main()
