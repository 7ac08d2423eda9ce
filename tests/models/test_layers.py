"""Our own layers against references written the slow way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("framework")


@settings(deadline=None, max_examples=25)
@given(
    height=st.integers(8, 40),
    width=st.integers(8, 40),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**16),
    spread=st.sampled_from([0, 1, 255]),
)
def test_cleaning_in_the_graph_is_cleaning_in_numpy(
    height: int, width: int, channels: int, seed: int, spread: int
) -> None:
    from beholder.data.cifar.clean import clean_images
    from beholder.models.layers import Clean

    seen = np.random.default_rng(seed).integers(spread + 1, size=(3, height, width, channels)).astype(np.uint8)
    cleaned = np.asarray(Clean()(seen.astype(np.float32)))
    np.testing.assert_allclose(cleaned, clean_images(seen), atol=1e-5)


def naive_response_normalisation(x: NDArray[Any]) -> NDArray[Any]:
    out = np.empty_like(x)
    for channel in range(x.shape[3]):
        around = x[..., max(0, channel - 4) : channel + 5]
        out[..., channel] = x[..., channel] / (1.0 + 0.001 / 9 * (around**2).sum(axis=3)) ** 0.75
    return out


def test_local_response_normalisation() -> None:
    from beholder.models.layers import LocalResponseNormalization

    x = np.random.default_rng(0).normal(0, 30, (2, 3, 4, 64)).astype(np.float32)
    np.testing.assert_allclose(np.asarray(LocalResponseNormalization()(x)), naive_response_normalisation(x), rtol=1e-5)


def test_batch_normalisation_trains_on_the_batch_and_answers_with_running_statistics() -> None:
    from beholder.models.layers import BatchNormalization

    x = np.random.default_rng(0).normal(3, 2, (16, 5, 5, 4)).astype(np.float32)
    layer = BatchNormalization(momentum=0.5, epsilon=1e-3)
    mean, variance = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
    trained = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(trained, (x - mean) / np.sqrt(variance + 1e-3), atol=1e-4)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), 0.5 * mean, rtol=1e-4)
    unbiased = variance * 400 / 399
    np.testing.assert_allclose(np.asarray(layer.moving_variance), 0.5 + 0.5 * unbiased, rtol=1e-3)
    answered = np.asarray(layer(x, training=False))
    running_mean, running_variance = np.asarray(layer.moving_mean), np.asarray(layer.moving_variance)
    np.testing.assert_allclose(answered, (x - running_mean) / np.sqrt(running_variance + 1e-3), atol=1e-4)


def test_whitened_patches_are_uncorrelated_and_noise_is_not_made_louder() -> None:
    """Strong directions come to unit variance; weak ones, where noise lives, stay below it."""
    from beholder.models.layers import PatchWhitening

    smooth = np.cumsum(np.random.default_rng(0).normal(0, 0.1, (200, 16, 16, 3)), axis=1).astype(np.float32)
    strong, weak = (100 * smooth).astype(np.float32), (smooth / 100).astype(np.float32)
    layer = PatchWhitening()
    layer.build((None, 16, 16, 3))

    def covariance() -> np.ndarray:
        return np.cov(np.asarray(layer(images))[..., :12].reshape(-1, 12), rowvar=False)

    for images in (smooth, strong):
        layer.adapt(np.split(images, [1, 90]))
        whitened = covariance()
        assert np.abs(whitened - np.diag(np.diag(whitened))).max() < 0.02
        assert np.diag(whitened).max() < 1.01
    assert np.diag(whitened).min() > 0.99, "no direction of these images is weak"
    noise = np.random.default_rng(1).normal(0, 0.08, (20, 16, 16, 3)).astype(np.float32)
    layer.adapt([weak])
    assert np.asarray(layer(noise)).std() < 4 * 0.08


def test_muon_steps_along_an_orthogonal_matrix() -> None:
    from beholder.training.steps.optimizer import orthogonalised

    for shape in ((9, 4), (4, 9), (16, 16)):
        matrix = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        singular = np.linalg.svd(np.asarray(orthogonalised(matrix, steps=5)), compute_uv=False)
        assert singular.min() > 0.5
        assert singular.max() < 1.3


def test_muon_iterates_as_newton_and_schulz_do() -> None:
    from beholder.training.steps.optimizer import orthogonalised

    matrix = np.random.default_rng(2).normal(size=(5, 40)).astype(np.float32)
    x = matrix.astype(np.float64) / np.linalg.norm(matrix)
    for _ in range(3):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    np.testing.assert_allclose(np.asarray(orthogonalised(matrix, steps=3)), x, atol=1e-4)
    np.testing.assert_allclose(np.asarray(orthogonalised(matrix.T, steps=3)), x.T, atol=1e-4)
