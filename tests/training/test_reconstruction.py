"""An autoencoder rebuilds what it has seen often, and noise badly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from beholder.data.opening import open_source
from beholder.data.progress import silent

pytestmark = pytest.mark.usefixtures("framework")


def test_noise_among_digits_is_rebuilt_worst_and_a_seed_decides_everything() -> None:
    from beholder.training.reconstruction import reconstruct

    data = open_source("digits").readers["all"](silent).select(np.arange(400))
    images = np.array(data.images)
    images[[50, 300]] = np.random.default_rng(0).integers(256, size=(2, *images.shape[1:]))
    mixed = replace(data, images=images)
    sets = {"train": mixed.select(np.arange(250)), "test": mixed.select(np.arange(250, 400))}
    errors, codes = reconstruct(sets, seed=2)
    assert errors.shape == (400,)
    assert codes.shape == (400, 64)
    assert set(np.argsort(errors)[-2:].tolist()) == {50, 300}
    again, _ = reconstruct(sets, seed=2)
    assert np.array_equal(errors, again)
