"""Grids of maps and windows: each is there, in the order given, as large and as grey as it should be."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from beholder.figures.heading import MARGIN, under_heading, wrapped
from beholder.figures.lettering import font_for
from beholder.figures.maps import MOST_MAPS, maps_sheet, windows_sheet
from beholder.figures.pixels import window_image
from beholder.figures.sheet import PAPER


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (3, 3), (9, 9), (200, MOST_MAPS)])
def test_at_most_64_maps_are_shown(count: int, shown: int) -> None:
    maps = np.zeros((16, 16, count), np.float32)
    maps[:8] = 1  # white above black
    sheet = np.asarray(maps_sheet(maps, np.arange(count), "title", "text")).astype(int)
    black = (sheet == 0).all(axis=2)
    side = 128 if count <= 4 else 64
    assert black.sum() == shown * side * side // 2


def test_maps_stand_in_the_order_given_and_are_stretched_each_by_itself() -> None:
    maps = np.zeros((8, 8, 6), np.float32)
    for index in range(6):
        maps[index, 0, index] = 10.0**index
    order = np.array([4, 2, 0, 5, 1, 3])
    sheet = np.asarray(maps_sheet(maps, order, "", ""))[..., 0]
    top = sheet.shape[0] - MARGIN - 64
    for place, index in enumerate(order):
        tile = sheet[top : top + 64, MARGIN + place * 72 : MARGIN + place * 72 + 64]
        assert tile[index * 8 + 4, 4] == 255
        assert (tile[:, 8:] == 0).all()


def test_maps_of_any_shape_fit() -> None:
    for shape in ((1, 1, 5), (200, 300, 2), (2, 90, 70), (90, 60, 70)):
        sheet = maps_sheet(np.random.default_rng(0).random(shape, np.float32), np.arange(shape[2]), "a", "b")
        assert sheet.width <= 700


def test_a_weight_of_zero_is_mid_grey_and_the_largest_is_white_or_black() -> None:
    window = np.array([[0.0, 0.5], [-2.0, 1.0]], np.float32)[..., np.newaxis]
    assert window_image(window)[..., 0].tolist() == [[128, 159], [0, 191]]
    assert window_image(np.zeros((2, 2, 1), np.float32)).tolist() == np.full((2, 2, 1), 128).tolist()
    assert window_image(np.ones((2, 2, 3), np.float32)).shape == (2, 2, 3)
    assert window_image(np.ones((2, 2, 8), np.float32)).shape == (2, 2, 1)


def test_bars_under_the_windows_are_as_long_as_the_windows_are_strong() -> None:
    weights = np.zeros((8, 4, 4, 1), np.float32)
    strengths = np.array([8, 4, 2, 1, 8, 4, 2, 0], np.float32)
    sheet = np.asarray(windows_sheet(weights, np.arange(8), strengths, "", ""))
    row = sheet[sheet.shape[0] - MARGIN - 36 + 28]  # through the bars
    lengths = [int((row[MARGIN + 72 * k : MARGIN + 72 * k + 64] != PAPER).any(axis=1).sum()) for k in range(8)]
    assert lengths[0] == lengths[4] == 64
    assert [round(length / 64, 1) for length in lengths] == [1, 0.5, 0.3, 0.1, 1, 0.5, 0.3, 0]


def test_words_above_a_figure_are_broken_into_lines_that_fit() -> None:
    text = "a sentence that is much longer than the figure is wide " * 4
    font = font_for(text, 19)
    lines = wrapped(text, 19, 300)
    assert len(lines) > 4
    assert all(font.getlength(line) <= 300 for line in lines)
    assert " ".join(lines) == text.strip()
    figure = Image.new("RGB", (300, 50), "red")
    page = under_heading(figure, "title\nwith a break", text)
    assert page.size[0] >= 300 + 2 * MARGIN
    assert (np.asarray(page)[-MARGIN - 50 : -MARGIN, MARGIN : MARGIN + 300] == (255, 0, 0)).all()
