"""A size is chosen for a folder's images, and what is cut off for it is said in figures that a person can check."""

from __future__ import annotations

import numpy as np
import pytest

from beholder.data.images.decode import ImageRules, decode_array
from beholder.data.images.sizes import choose_canvas, cut, cuts_in_words, fitting_in_words


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ([(75, 160)] * 20, (75, 160)),
        ([(75, 160)] * 19 + [(75, 161)], (75, 160)),
        ([(75, 160)] * 4 + [(75, 161)], (75, 160)),
        ([(75, 160)] * 3 + [(75, 161)], (75, 75)),
        ([(75, 160)] * 18 + [(75, 161)] * 2, (75, 75)),
        ([(300, 640)] * 20, (256, 256)),
        ([(4, 4)] * 5, (8, 8)),
    ],
)
def test_the_size_that_nearly_all_share_is_kept_within_limits(
    sizes: list[tuple[int, int]], chosen: tuple[int, int]
) -> None:
    assert choose_canvas(sizes) == chosen


@pytest.mark.parametrize(
    ("size", "target"), [((300, 640), (256, 256)), ((64, 32), (32, 32)), ((10, 10), (20, 40)), ((400, 320), (64, 64))]
)
def test_the_share_that_is_cut_is_what_decoding_cuts(size: tuple[int, int], target: tuple[int, int]) -> None:
    # Each pixel tells its row and column, so that what is left says what was cut.
    height, width = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.linspace(0, 255, height)[:, None], np.linspace(0, 255, width)
    left = decode_array(pixels, ImageRules(*target, "RGB"))[..., :2].astype(int)
    seen = np.prod([(left[..., axis].max() - left[..., axis].min()) / 255 for axis in (0, 1)])
    assert cut(size, target) == pytest.approx(1 - seen, abs=0.15)


def test_images_of_one_size_are_told_with_the_side_that_is_cut() -> None:
    assert fitting_in_words([(300, 640)] * 3, (256, 256)) == (
        "Images of 640 × 300 pixels become 256 × 256: 53% of the width is cut, half on the left, half on the right."
    )
    assert fitting_in_words([(640, 300)], (256, 256)) == (
        "Images of 300 × 640 pixels become 256 × 256: 53% of the height is cut, half at either end."
    )
    assert fitting_in_words([(300, 300)], (256, 256)) == "Images of 300 × 300 pixels are scaled to 256 × 256."
    assert fitting_in_words([(20, 30)] * 9, (20, 30)) is None
    assert fitting_in_words([], (20, 30)) is None


def test_images_of_several_sizes_are_told_with_the_median_and_the_most() -> None:
    assert fitting_in_words([(31, 31), (40, 30), (29, 200)], (30, 30)) == (
        "Images of several sizes (31 × 31 to 200 × 29 pixels, 3 looked at) become 30 × 30: 25% of an image is cut in "
        "the median, 86% at most."
    )
    assert fitting_in_words([(40, 40), (50, 50)], (45, 45)) == (
        "Images of several sizes (40 × 40 to 50 × 50 pixels, 2 looked at) become 45 × 45, and hardly anything is cut."
    )
    assert fitting_in_words([(75, 160)] * 39 + [(160, 75)], (75, 160)) == (
        "Nearly all images have 160 × 75 pixels; 1 of 40 looked at has another size and is scaled and cut to this one: "
        "78% of each is cut."
    )


def test_an_answer_comes_with_a_word_where_much_of_an_image_is_cut() -> None:
    assert cuts_in_words([0.0, 0.1], (32, 32)) is None
    assert cuts_in_words([], (32, 32)) is None
    assert cuts_in_words([0.5], (32, 32)) == (
        "The network takes 32 × 32 pixels: 50% of this image is cut, half on either side."
    )
    assert cuts_in_words([0.5, 0.0, 0.2], (32, 64)) == (
        "The network takes 64 × 32 pixels: 2 of 3 images looked at lose more than 10% of their area, at most 50%."
    )
