"""Contact sheets: every pixel of the images is there, in its place, and any title can be drawn."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from beholder.figures.lettering import fit_text, font_for, one_line
from beholder.figures.sheet import contact_sheet

PAPER = (250, 250, 248)


def _pixels(sheet: Image.Image) -> np.ndarray:
    return np.asarray(sheet)


def _stretches(ink: np.ndarray) -> list[tuple[int, int]]:
    """Where a line of booleans is true: (start, length) of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ink, [False]]).astype(int)))
    return [(int(start), int(end - start)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def test_images_are_enlarged_by_a_whole_factor_without_blur() -> None:
    image = np.random.default_rng(0).integers(0, 200, (32, 32, 3), np.uint8)
    sheet = _pixels(contact_sheet([image], [""], columns=1))
    margin = (sheet.shape[0] - 128) // 2
    assert (sheet[margin : margin + 128, margin : margin + 128] == image.repeat(4, axis=0).repeat(4, axis=1)).all()
    border = np.ones(sheet.shape[:2], bool)
    border[margin:-margin, margin:-margin] = False
    assert (sheet[border] == PAPER).all()


def test_margins_and_gaps_are_even_and_the_order_is_row_by_row() -> None:
    images = [np.full((8, 8, 1), 20 * index, np.uint8) for index in range(6)]
    sheet = _pixels(contact_sheet(images, [""] * 6, columns=3))
    across, down = (_stretches((sheet != PAPER).any(axis=(axis, 2))) for axis in (0, 1))
    assert [length for _, length in across] == [128] * 3
    assert [length for _, length in down] == [128] * 2
    assert len({right - left for (left, _), (right, _) in pairwise(across)}) == 1
    assert across[0][0] == down[0][0] == sheet.shape[1] - across[-1][0] - 128 == sheet.shape[0] - down[-1][0] - 128
    shown = [int(sheet[top + 5, left + 5, 0]) for top, _ in down for left, _ in across]
    assert shown == [0, 20, 40, 60, 80, 100]


def test_large_images_are_reduced_and_a_given_scale_is_kept() -> None:
    large = np.zeros((400, 200, 3), np.uint8)
    sheet = _pixels(contact_sheet([large], [""], columns=1))
    assert [length for _, length in _stretches((sheet != PAPER).any(axis=(1, 2)))] == [128]
    assert [length for _, length in _stretches((sheet != PAPER).any(axis=(0, 2)))] == [64]
    sheet = _pixels(contact_sheet([np.zeros((10, 20), np.uint8)], [""], columns=4, scale=3))
    assert [length for _, length in _stretches((sheet != PAPER).any(axis=(1, 2)))] == [30]
    assert [length for _, length in _stretches((sheet != PAPER).any(axis=(0, 2)))] == [60]


def test_cleaned_images_are_stretched_each_by_itself() -> None:
    faint = np.array([[-1.5, 0.0], [0.75, 1.5]], np.float32)[..., np.newaxis]
    sheet = _pixels(contact_sheet([faint, faint * 1000], ["", ""], columns=1, scale=1))
    top, bottom = (start for start, _ in _stretches((sheet != PAPER).any(axis=(1, 2))))
    assert sheet[top : top + 2, 24:26, 0].tolist() == [[0, 128], [191, 255]]
    assert (sheet[top : top + 2, 24:26] == sheet[bottom : bottom + 2, 24:26]).all()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_flat_or_broken_float_image_is_drawn_all_the_same(value: float) -> None:
    contact_sheet([np.full((4, 4, 1), value, np.float32)], ["flat"], columns=1)


def test_titles_stand_under_their_images_and_stay_in_their_column() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    titles = ["cat", "a class name that is far too long for its column " * 40]
    sheet = _pixels(contact_sheet([image, image], titles, columns=2))
    ink = (sheet != PAPER).any(axis=2)
    below = ink[24 + 128 :]
    assert below[:, 24:152].any()
    assert below[:, 168:296].any()
    assert not below[:, 152:168].any()
    assert not below[:, :24].any()
    assert not below[:, 296:].any()


def test_a_title_that_does_not_fit_ends_in_an_ellipsis_and_one_that_fits_is_whole() -> None:
    font = font_for("automobile", 14)
    assert fit_text("automobile", font, 128) == "automobile"
    cut = fit_text("automobile " * 9, font, 128)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 128


@settings(max_examples=60)
@given(st.text(st.characters(), max_size=60))
def test_any_title_can_be_drawn(title: str) -> None:
    contact_sheet([np.zeros((8, 8, 1), np.uint8)], [title], columns=1)
    one_line(title).encode()
    assert "\n" not in one_line(title)


@pytest.mark.parametrize(
    ("images", "titles", "columns"),
    [
        ([], [], 1),
        ([np.zeros((2, 2), np.uint8)], [], 1),
        ([np.zeros((2, 2), np.uint8)], ["a"], 0),
        ([np.zeros((2, 2, 2), np.uint8)], ["a"], 1),
    ],
)
def test_what_cannot_be_a_sheet_is_refused(images: list[np.ndarray], titles: list[str], columns: int) -> None:
    with pytest.raises(ValueError, match="Expected"):
        contact_sheet(images, titles, columns=columns)
