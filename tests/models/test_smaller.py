"""The network over smaller images is the same network: its weights, its answers to what has no detail."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("framework")


def test_it_has_the_very_variables_of_the_network() -> None:
    from beholder.models import build
    from beholder.models.smaller import smaller

    model = build("fast", (32, 32, 3), 4, widths=(8, 8, 8))
    small = smaller(model)
    assert small is not None
    assert {id(variable) for variable in small.variables} == {id(variable) for variable in model.variables}
    assert small.input.shape == model.input.shape
    assert small.output.shape == (None, 4)


def test_flat_images_look_the_same_at_any_size() -> None:
    """Zeros at the edges apart, a flat image is the same at every resolution; `valid` windows never see an edge."""
    import keras

    from beholder.models.smaller import smaller

    inputs = keras.Input((40, 32, 3), dtype="uint8")
    x = keras.layers.Rescaling(1.0, dtype="float32", name="as_float")(inputs)
    x = keras.layers.Conv2D(5, 3)(x)
    model = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x))
    small = smaller(model)
    assert small is not None
    images = np.full((2, 40, 32, 3), [[[[200, 30, 90]]], [[[0, 255, 7]]]], np.uint8)
    assert np.asarray(small(images)) == pytest.approx(np.asarray(model(images)), rel=1e-4, abs=1e-3)


def test_images_of_a_few_pixels_stay_as_they_are() -> None:
    from beholder.models import build
    from beholder.models.smaller import smaller

    assert smaller(build("fast", (28, 28, 1), 3, widths=(8, 8, 8))) is None
    assert smaller(build("fast", (64, 64, 1), 3, widths=(8, 8, 8), side=64)) is not None
