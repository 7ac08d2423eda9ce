"""The overlay: it glows where the heat is, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.figures.overlay import overlay, shares


def test_heat_is_shown_as_shares_of_its_greatest_value() -> None:
    heat = np.array([[0.0, -5.0], [1.0, 2.0]], np.float32)
    share = shares(heat, (40, 40))
    assert share.shape == (40, 40)
    assert share.min() == 0
    assert share[39, 39] == pytest.approx(1, abs=0.05)
    assert share[0, 39] == 0
    assert share[39, 0] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-6])
def test_next_to_nothing_does_not_glow(value: float) -> None:
    assert shares(np.full((3, 3), value, np.float32), (9, 9), least=0.01).max() < 0.001


def test_only_the_second_image_glows_and_only_where_the_heat_is() -> None:
    image = np.full((16, 16, 3), 100, np.uint8)
    heat = np.zeros((16, 16), np.float32)
    heat[12:, 12:] = 1
    figure = np.asarray(overlay(image, heat, "title", "text")).astype(int)
    side = 16 * 17
    colourful = np.ptp(figure, axis=2) > 40
    colourful[-70:] = False  # the legend
    right = 20 + side + 20
    rows, columns = np.nonzero(colourful)
    assert columns.min() > right + side * 0.6
    assert columns.max() < right + side
    assert rows.max() - rows.min() < side * 0.4


@pytest.mark.parametrize("shape", [(2, 2, 1), (300, 200, 3), (8, 40, 1)])
def test_images_of_any_size_fit_on_a_page(shape: tuple[int, int, int]) -> None:
    figure = overlay(np.zeros(shape, np.uint8), np.ones((3, 3), np.float32), "a", "b")
    assert figure.width <= 700
