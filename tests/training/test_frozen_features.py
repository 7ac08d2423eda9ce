"""A person relies on: features come from the cache only where the same network would see the same again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from beholder.data.dataset import Dataset
from beholder.models import build, learned_weights

pytestmark = pytest.mark.usefixtures("framework")

SHAPE = (150, 170, 3)  # larger than any side that is asked for below


@pytest.fixture(scope="module")
def photos() -> Dataset:
    images = np.random.default_rng(0).integers(256, size=(3, *SHAPE)).astype(np.uint8)
    return Dataset(images, np.array([0, 1, 0]), ("one", "other"), ["a", "b", "c"])


def network(side: int, classes: int = 2) -> Any:
    model = build("lite0", SHAPE, classes, side=side)
    learned_weights("lite0", model)
    return model


def features(model: Any, photos: Dataset, cache: Path) -> tuple[Any, int]:
    """What they are, and of how many images they were computed rather than kept."""
    from beholder.training.frozen_features import FrozenFeatures

    told: list[int] = []

    def tell(new: int) -> bool:
        told.append(new)
        return False

    seen = FrozenFeatures(model, "of ImageNet", cache, tell)(photos)
    return seen, sum(told)


def test_each_size_has_features_of_its_own(photos: Dataset, tmp_path: Path) -> None:
    small, computed = features(network(96), photos, tmp_path)
    assert computed == len(photos)
    large, computed = features(network(128), photos, tmp_path)
    assert computed == len(photos)
    assert np.abs(small - large).max() > 0.01


def test_the_same_network_is_not_asked_again_whatever_it_answers(photos: Dataset, tmp_path: Path) -> None:
    first, _ = features(network(96), photos, tmp_path)
    again, computed = features(network(96, classes=5), photos, tmp_path)
    assert computed == 0
    np.testing.assert_array_equal(first, again)


def test_other_images_are_looked_at(photos: Dataset, tmp_path: Path) -> None:
    features(network(96), photos, tmp_path)
    _, computed = features(network(96), photos.select(np.array([0, 1])), tmp_path)
    assert computed == 2


def test_what_comes_after_the_features_does_not_matter(photos: Dataset, tmp_path: Path) -> None:
    features(network(96), photos, tmp_path)
    silenced = build("lite0", SHAPE, 2, side=96, dropout=0.3)
    learned_weights("lite0", silenced)
    _, computed = features(silenced, photos, tmp_path)
    assert computed == 0
