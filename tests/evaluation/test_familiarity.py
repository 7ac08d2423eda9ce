"""A person relies on: strange images are told from familiar ones, and few familiar ones are called strange."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.evaluation.familiarity import Familiarity, class_sums, directions, feature_measures, fit_familiarity


def features(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features of three classes, each with parts of its own, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows = random.exponential(0.3, (count, 30))
    for label in range(3):
        rows[labels == label, 10 * label : 10 * label + 10] += random.exponential(2, ((labels == label).sum(), 10))
    return rows.astype(np.float32), labels.astype(np.int64)


@pytest.fixture(scope="module")
def familiarity() -> Familiarity:
    prototypes = directions(class_sums(*features(600, seed=0), 3))
    fitted = fit_familiarity(prototypes, feature_measures(features(400, seed=1)[0], prototypes))
    assert fitted is not None
    return fitted


def test_about_the_stated_share_of_new_images_of_its_kind_is_called_strange(familiarity: Familiarity) -> None:
    strange = familiarity.unlike(features(5000, seed=2)[0])
    assert 0.02 < strange.mean() < 0.08


def test_images_in_which_it_finds_little_or_an_odd_mixture_are_strange(familiarity: Familiarity) -> None:
    random = np.random.default_rng(3)
    faint = (features(200, seed=4)[0] * 0.05).astype(np.float32)
    mixed = np.abs(random.normal(0, 3, (200, 30))).astype(np.float32)
    nothing = np.zeros((1, 30), np.float32)
    assert familiarity.unlike(faint).mean() > 0.9
    assert familiarity.unlike(mixed).mean() > 0.5
    assert familiarity.unlike(nothing).all()


def test_one_image_is_judged_as_in_company(familiarity: Familiarity) -> None:
    rows = features(50, seed=5)[0]
    together = familiarity.unlike(rows)
    assert together.tolist() == [bool(familiarity.unlike(row[np.newaxis])[0]) for row in rows]


def test_prototypes_are_the_mean_directions_of_the_square_roots() -> None:
    rows = np.array([[4, 0], [0, 9], [1, 1]], np.float32)
    sums = class_sums(rows, np.array([0, 0, 2]), 4)
    half = np.sqrt(0.5)
    assert sums == pytest.approx(np.array([[1, 1], [0, 0], [half, half], [0, 0]]))
    assert directions(sums)[1].tolist() == [0, 0]
    assert feature_measures(np.array([[-4, 0]], np.float32), directions(sums))[0] == pytest.approx([4, 0], abs=1e-6)


def test_too_few_images_or_figures_that_are_none_tell_nothing() -> None:
    prototypes = np.eye(2, dtype=np.float32)
    assert fit_familiarity(prototypes, np.ones((18, 2), np.float32)) is None
    assert fit_familiarity(prototypes, np.full((100, 2), np.nan, np.float32)) is None
    assert fit_familiarity(prototypes, np.random.default_rng(0).random((20, 2)).astype(np.float32)) is not None
