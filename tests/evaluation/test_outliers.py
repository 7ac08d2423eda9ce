"""Nearest neighbours against a plain reference, and images unlike all others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from beholder.data.dataset import Dataset
from beholder.data.pool import Pool
from beholder.evaluation.nearest import nearest
from beholder.evaluation.outliers import outliers, strangeness


def test_neighbours_are_those_of_a_plain_search() -> None:
    random = np.random.default_rng(0)
    queries, references = random.normal(size=(1500, 7)), random.normal(size=(300, 7))
    rows, distances = nearest(queries.astype(np.float32), references.astype(np.float32), 4)
    apart = cdist(queries, references, "cosine")
    assert np.allclose(distances, np.sort(apart, axis=1)[:, :4], atol=1e-5)
    assert np.allclose(np.take_along_axis(apart, rows, axis=1), distances, atol=1e-5)


def test_an_image_without_features_is_far_from_all() -> None:
    _, distances = nearest(np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32), 2)
    assert distances == pytest.approx(1.0)


def signs(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    distances = random.lognormal(sigma=0.3, size=(count, 10)).astype(np.float32)
    errors = random.lognormal(sigma=0.3, size=count).astype(np.float32)
    return distances, errors, random.normal(size=(count, 8)).astype(np.float32)


@pytest.mark.parametrize("sign", [0, 1, 2])
def test_each_sign_alone_makes_an_image_strange(sign: int) -> None:
    given = signs(1000)
    given[sign][700] = given[sign][700] * 0 + 20
    strange = strangeness(*given)
    dataset = Dataset(
        np.zeros((1000, 1, 1, 1), np.uint8), np.zeros(1000, np.int64), ("a", "b"), [str(row) for row in range(1000)]
    )
    findings = outliers(Pool(dataset, np.array(["all"] * 1000)), strange, np.arange(1000)[:, None])
    assert findings[0].paths == ("700",)
    assert findings[0].neighbours == ("700",)
    assert len(findings) <= 5
    assert 0.5 <= findings[-1].score <= findings[0].score <= 1


def test_images_that_are_all_alike_are_no_outliers() -> None:
    strange = strangeness(np.ones((50, 3), np.float32), np.ones(50, np.float32), np.ones((50, 4), np.float32))
    assert strange.tolist() == [0.0] * 50
