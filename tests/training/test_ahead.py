"""A person relies on: batches that are made ahead are those that would have been made in their turn."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from beholder.data.dataset import Dataset
from beholder.training.augmentation import NAMED
from beholder.training.steps.ahead import Ahead
from beholder.training.steps.batches import Batches


def batches() -> Batches:
    images = np.random.default_rng(0).integers(256, size=(23, 9, 9, 3)).astype(np.uint8)
    names = [str(row) for row in range(23)]
    return Batches(Dataset(images, np.arange(23) % 3, ("a", "b", "c"), names), 5, 1, NAMED["small"], mirror=True)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=12))
def test_whatever_is_asked_for_after_what(asked: list[tuple[int, int]]) -> None:
    """In order as in training, or not, as where a run goes on within an epoch."""
    plain = batches()
    ahead = Ahead(batches(), None)
    for epoch, first in asked:
        order = plain.order(epoch)
        for step in (first, first + 1):
            if step < plain.steps:
                images, labels = ahead.batch(order, epoch, step)
                expected = plain.batch(order, epoch, step)
                np.testing.assert_array_equal(images, expected[0])
                np.testing.assert_array_equal(labels, expected[1])
