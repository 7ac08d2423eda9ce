"""A doubter is believed where it knows more than guessing, whatever the number of classes."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.evaluation.doubter import Doubter


def doubter(right: float, classes: int, count: int = 1000) -> Doubter:
    """One that is right about a share of the images of each class, and says the next class otherwise."""
    labels = np.arange(count) % classes
    said = np.where(np.arange(count) // classes < right * count / classes, labels, (labels + 1) % classes)
    return Doubter.measured("somebody", np.eye(classes, dtype=np.float32)[said], labels)


@pytest.mark.parametrize(("right", "classes", "believed"), [(0.6, 10, True), (0.5, 10, False), (0.7, 2, False)])
def test_how_good_is_good_enough(right: float, classes: int, believed: bool) -> None:
    measured = doubter(right, classes)
    assert measured.accuracy == pytest.approx(right, abs=0.01)
    assert measured.believed is believed
    assert f"right about {100 * right:.0f} %" in measured.sentence
    assert ("too little" in measured.sentence) is not believed


def test_a_large_class_alone_makes_nobody_good() -> None:
    labels = np.repeat([0, 1, 2], [900, 50, 50])
    always_first = np.eye(3, dtype=np.float32)[np.zeros(1000, int)]
    measured = Doubter.measured("somebody", always_first, labels)
    assert measured.accuracy == pytest.approx(0.9)
    assert measured.balanced == pytest.approx(1 / 3)
    assert not measured.believed
